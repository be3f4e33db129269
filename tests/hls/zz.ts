import { encode } from './encoder.ts'
import { Hls } from '../../src/hls/hls.ts'
import { Broadcast } from '../../src/live/broadcast.ts'
import { log, mount } from './live-channel.ts'
import { openBrowser } from '../support/browser.ts'
const mode=process.argv[2]
const e = await encode({seconds: 40, size:'1280x720', gop: Number(process.argv[3]??30), rate: 30, video:['-b:v','2500k','-maxrate','2500k','-bufsize','1250k', ...(mode==='b'?['-bf','2']:['-tune','zerolatency'])]})
const e2 = await encode({seconds: 12, size:'640x360', gop: 30, rate: 30, video:['-tune','zerolatency']})
const hls=new Hls({log})
const out=await hls.openOutput({id:'s1',channelId:'c',slug:'chan'})
const app=mount(hls).get('/p',()=>new Response('<video id=v muted autoplay></video><script src=/hls.js></script>',{headers:{'content-type':'text/html'}})).get('/hls.js',()=>new Response(Bun.file('/work/main/node_modules/hls.js/dist/hls.min.js'))).listen({port:0,hostname:'127.0.0.1',idleTimeout:60})
const publish=async(m:any,secs=1e9)=>{const b=new Broadcast({tracks:m.tracks,log}); b.addSink(out.attach(b)); const t0=performance.now(); for(const u of m.units){const s=u.dts/u.track.timescale; if(s>secs)break; const d=t0+s*1000-performance.now(); if(d>0) await Bun.sleep(d); b.write(u)} await b.close()}
const pub=(async()=>{ if(mode==='r'){ await publish(e,15); await Bun.sleep(4000); await publish(e2);} else await publish(e,30); await out.close() })()
await using br=await openBrowser()
const pg=await br.context.newPage()
pg.on('console',m=>console.log('page',m.text()))
await pg.goto(`http://127.0.0.1:${app.server!.port}/p`)
await pg.evaluate(`
 window.t0=performance.now(); const H=window.Hls; const h=new H({lowLatencyMode:true}); window.h=h; window.ev=[];
 h.on(H.Events.ERROR,(e,d)=>ev.push([d.details,d.fatal,(performance.now()-t0)|0,d.response&&d.response.code,d.reason||'',d.error&&d.error.message]));
 v.addEventListener('waiting',()=>ev.push(['waiting',v.currentTime,(performance.now()-t0)|0]));
 v.addEventListener('playing',()=>ev.push(['playing',v.currentTime,(performance.now()-t0)|0]));
 h.loadSource('/hls/chan/index.m3u8'); h.attachMedia(v);
`)
for(let i=0;i<11;i++){ await Bun.sleep(3000); console.log(await pg.evaluate(`JSON.stringify({t:v.currentTime.toFixed(2),lat:h.latency.toFixed(3),target:h.targetLatency,buf:v.buffered.length?(v.buffered.end(v.buffered.length-1)-v.currentTime).toFixed(2):0,ranges:v.buffered.length,frames:v.getVideoPlaybackQuality().totalVideoFrames,dropped:v.getVideoPlaybackQuality().droppedVideoFrames,w:v.videoWidth,rate:v.playbackRate,viewers:0,drift:h.drift,ended:v.ended})`), out.viewerCount) }
console.log(await pg.evaluate('JSON.stringify(ev)'))
await pub; await hls.close(); await app.stop(true); process.exit()
