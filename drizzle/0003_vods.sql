CREATE TABLE "comment_likes" (
	"comment_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	CONSTRAINT "comment_likes_comment_id_account_id_pk" PRIMARY KEY("comment_id","account_id")
);
--> statement-breakpoint
CREATE TABLE "comments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"vod_id" uuid NOT NULL,
	"thread_id" uuid,
	"reply_to" uuid,
	"account_id" uuid NOT NULL,
	"text" text NOT NULL,
	"address" text NOT NULL,
	"status" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"edited_at" timestamp (3) with time zone,
	"like_count" integer DEFAULT 0 NOT NULL,
	"reply_count" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "comments_status" CHECK ("comments"."status" in ('visible', 'held', 'rejected', 'deleted', 'hidden'))
);
--> statement-breakpoint
CREATE TABLE "vod_chunks" (
	"vod_id" uuid NOT NULL,
	"index" integer NOT NULL,
	"start_seconds" double precision NOT NULL,
	"duration_seconds" double precision NOT NULL,
	"status" text NOT NULL,
	"instance_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "vod_chunks_vod_id_index_pk" PRIMARY KEY("vod_id","index"),
	CONSTRAINT "vod_chunks_status" CHECK ("vod_chunks"."status" in ('waiting', 'done', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "vod_inits" (
	"vod_id" uuid NOT NULL,
	"rendition" text NOT NULL,
	"index" integer NOT NULL,
	"kind" text NOT NULL,
	"data" "bytea" NOT NULL,
	"track" jsonb NOT NULL,
	CONSTRAINT "vod_inits_vod_id_rendition_index_pk" PRIMARY KEY("vod_id","rendition","index"),
	CONSTRAINT "vod_inits_kind" CHECK ("vod_inits"."kind" in ('source', 'rung', 'sound'))
);
--> statement-breakpoint
CREATE TABLE "vod_positions" (
	"account_id" uuid NOT NULL,
	"vod_id" uuid NOT NULL,
	"position_ms" integer NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "vod_positions_account_id_vod_id_pk" PRIMARY KEY("account_id","vod_id")
);
--> statement-breakpoint
CREATE TABLE "vod_segments" (
	"vod_id" uuid NOT NULL,
	"rendition" text NOT NULL,
	"sequence" integer NOT NULL,
	"init_index" integer,
	"discontinuity" integer NOT NULL,
	"is_discontinuity" boolean NOT NULL,
	"is_gap" boolean NOT NULL,
	"is_independent" boolean NOT NULL,
	"start_seconds" double precision NOT NULL,
	"starts_at_ms" double precision NOT NULL,
	"duration_seconds" double precision NOT NULL,
	"size_bytes" integer NOT NULL,
	"checksum" text NOT NULL,
	"frame_count" integer NOT NULL,
	"samples" "bytea" NOT NULL,
	CONSTRAINT "vod_segments_vod_id_rendition_sequence_pk" PRIMARY KEY("vod_id","rendition","sequence")
);
--> statement-breakpoint
CREATE TABLE "vod_views" (
	"vod_id" uuid NOT NULL,
	"viewer" text NOT NULL,
	"day" integer NOT NULL,
	CONSTRAINT "vod_views_vod_id_viewer_day_pk" PRIMARY KEY("vod_id","viewer","day")
);
--> statement-breakpoint
CREATE TABLE "vods" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"stream_id" uuid,
	"source_id" uuid,
	"author_id" uuid,
	"title" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"visibility" text NOT NULL,
	"status" text NOT NULL,
	"problem" text,
	"progress" real,
	"instance_id" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	"published_at" timestamp (3) with time zone,
	"duration_ms" integer,
	"size_bytes" bigint DEFAULT 0 NOT NULL,
	"target_duration_seconds" integer,
	"thumbnail_ms" integer,
	"thumbnail_candidates_ms" integer[] DEFAULT '{}' NOT NULL,
	"storyboard" jsonb,
	"view_count" integer DEFAULT 0 NOT NULL,
	"clip" jsonb,
	CONSTRAINT "vods_stream_id_unique" UNIQUE("stream_id"),
	CONSTRAINT "vods_kind" CHECK ("vods"."kind" in ('live', 'upload', 'clip')),
	CONSTRAINT "vods_visibility" CHECK ("vods"."visibility" in ('public', 'unlisted', 'private', 'off')),
	CONSTRAINT "vods_status" CHECK ("vods"."status" in ('recording', 'processing', 'ready', 'failed', 'deleted'))
);
--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "visibility" text DEFAULT 'public' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "vod_visibility" text DEFAULT 'public' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "vod_retention_days" integer;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "clips_by" text DEFAULT 'everyone' NOT NULL;--> statement-breakpoint
ALTER TABLE "comment_likes" ADD CONSTRAINT "comment_likes_comment_id_comments_id_fk" FOREIGN KEY ("comment_id") REFERENCES "public"."comments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "comment_likes" ADD CONSTRAINT "comment_likes_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "comments" ADD CONSTRAINT "comments_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "comments" ADD CONSTRAINT "comments_thread_id_comments_id_fk" FOREIGN KEY ("thread_id") REFERENCES "public"."comments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "comments" ADD CONSTRAINT "comments_reply_to_comments_id_fk" FOREIGN KEY ("reply_to") REFERENCES "public"."comments"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "comments" ADD CONSTRAINT "comments_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_chunks" ADD CONSTRAINT "vod_chunks_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_inits" ADD CONSTRAINT "vod_inits_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_positions" ADD CONSTRAINT "vod_positions_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_positions" ADD CONSTRAINT "vod_positions_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_segments" ADD CONSTRAINT "vod_segments_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vod_views" ADD CONSTRAINT "vod_views_vod_id_vods_id_fk" FOREIGN KEY ("vod_id") REFERENCES "public"."vods"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vods" ADD CONSTRAINT "vods_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vods" ADD CONSTRAINT "vods_stream_id_streams_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vods" ADD CONSTRAINT "vods_source_id_vods_id_fk" FOREIGN KEY ("source_id") REFERENCES "public"."vods"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "vods" ADD CONSTRAINT "vods_author_id_accounts_id_fk" FOREIGN KEY ("author_id") REFERENCES "public"."accounts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "comment_likes_account" ON "comment_likes" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "comments_vod" ON "comments" USING btree ("vod_id","thread_id","created_at","id");--> statement-breakpoint
CREATE INDEX "comments_thread" ON "comments" USING btree ("thread_id");--> statement-breakpoint
CREATE INDEX "comments_reply" ON "comments" USING btree ("reply_to");--> statement-breakpoint
CREATE INDEX "comments_account" ON "comments" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "vod_positions_vod" ON "vod_positions" USING btree ("vod_id");--> statement-breakpoint
CREATE INDEX "vod_views_day" ON "vod_views" USING btree ("day");--> statement-breakpoint
CREATE INDEX "vods_channel" ON "vods" USING btree ("channel_id","kind","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "vods_source" ON "vods" USING btree ("source_id");--> statement-breakpoint
CREATE INDEX "vods_unfinished" ON "vods" USING btree ("status") WHERE "vods"."status" in ('recording', 'processing', 'deleted');--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_visibility" CHECK ("channels"."visibility" in ('public', 'unlisted', 'private'));--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_vod_visibility" CHECK ("channels"."vod_visibility" in ('public', 'unlisted', 'private', 'off'));--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_clips_by" CHECK ("channels"."clips_by" in ('everyone', 'followers', 'members', 'nobody'));