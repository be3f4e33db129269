CREATE TABLE "playback_shares" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"vod_id" uuid,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "playback_shares" ADD CONSTRAINT "playback_shares_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "playback_shares" ADD CONSTRAINT "playback_shares_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "playback_shares_channel" ON "playback_shares" USING btree ("channel_id","created_at");--> statement-breakpoint
CREATE INDEX "playback_shares_vod" ON "playback_shares" USING btree ("vod_id");