import { encode } from '/work/main/tests/hls/encoder.ts'
import { Hls } from '/work/main/src/hls/hls.ts'
import { Broadcast } from '/work/main/src/live/broadcast.ts'
import { log, mount } from '/work/main/tests/hls/live-channel.ts'
import { openBrowser } from '/work/main/tests/support/browser.ts'
const mode=process.argv[2]
const e = await encode({seconds: 40, size:'640x360', gop: Number(process.argv[3]??30), rate: 30, video:[ ...(mode==='b'?['-bf','2']:['-tune','zerolatency'])]})
const hls=new Hls({log})
const out=await hls.openOutput({id:'s1',channelId:'c',slug:'chan'})
const T0=performance.now()
const app=mount(hls).onRequest(({request})=>{ if(process.argv[4]) console.log(((performance.now()-T0)|0),request.url.split('/').pop()!.replace(/viewer=.*?&|viewer=.*$/,'')) }).get('/p',()=>new Response('<video id=v muted autoplay></video><script src=/hls.js></script>',{headers:{'content-type':'text/html'}})).get('/hls.js',()=>new Response(Bun.file('/work/main/node_modules/hls.js/dist/hls.min.js'))).listen({port:0,hostname:'127.0.0.1',idleTimeout:60})
const publish=async(m:any,secs=1e9)=>{const b=new Broadcast({tracks:m.tracks,log}); b.addSink(out.attach(b)); const t0=performance.now(); for(const u of m.units){const s=u.dts/u.track.timescale; if(s>secs)break; const d=t0+s*1000-performance.now(); if(d>0) await Bun.sleep(d); b.write(u)} await b.close()}
await using br=await openBrowser()
const pub=(async()=>{ await publish(e,Number(process.argv[5]??30)); await out.close() })()
if(process.argv[6]) await Bun.sleep(Number(process.argv[6])*1000)
const pg=await br.context.newPage()
await pg.goto(`http://127.0.0.1:${app.server!.port}/p`)
await pg.evaluate(`
 window.t0=performance.now(); const H=window.Hls; const h=new H({lowLatencyMode:true}); window.h=h; window.ev=[];
 h.on(H.Events.ERROR,(e,d)=>ev.push([d.details,d.fatal,(performance.now()-t0)|0,d.response&&d.response.code,d.url,d.reason||'',d.error&&d.error.message]));
 v.addEventListener('waiting',()=>ev.push(['waiting',v.currentTime,(performance.now()-t0)|0]));
 v.addEventListener('playing',()=>ev.push(['playing',v.currentTime,(performance.now()-t0)|0]));
 h.loadSource('/hls/chan/index.m3u8'); h.attachMedia(v);
`)
for(let i=0;i<Number(process.argv[5]??30)/3-Number(process.argv[6]??0)/3;i++){ await Bun.sleep(3000); console.log(await pg.evaluate(`JSON.stringify({t:v.currentTime.toFixed(2),lat:h.latency.toFixed(3),target:h.targetLatency,buf:v.buffered.length?(v.buffered.end(v.buffered.length-1)-v.currentTime).toFixed(2):0,frames:v.getVideoPlaybackQuality().totalVideoFrames,dropped:v.getVideoPlaybackQuality().droppedVideoFrames})`)) }
console.log(await pg.evaluate('ev.map(x=>JSON.stringify(x)).join("\\n")'))
await pub; await hls.close(); await app.stop(true); process.exit()
