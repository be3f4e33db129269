CREATE TABLE "follows" (
	"account_id" uuid NOT NULL,
	"channel_id" uuid NOT NULL,
	"followed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "follows_account_id_channel_id_pk" PRIMARY KEY("account_id","channel_id")
);
--> statement-breakpoint
CREATE TABLE "instances" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "chat_actions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"seq" bigint,
	"actor_id" uuid,
	"action" text NOT NULL,
	"target_id" uuid,
	"target_name" text,
	"message_id" uuid,
	"reason" text,
	"until" timestamp (3) with time zone,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"acted_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "chat_bans" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"account_id" uuid,
	"address_range" text,
	"reason" text,
	"until" timestamp (3) with time zone,
	"by_account_id" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "chat_bans_kind" CHECK ("chat_bans"."kind" in ('ban', 'timeout', 'shadow')),
	CONSTRAINT "chat_bans_target" CHECK (num_nonnulls("chat_bans"."account_id", "chat_bans"."address_range") = 1)
);
--> statement-breakpoint
CREATE TABLE "chat_messages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"seq" bigint,
	"stream_id" uuid,
	"account_id" uuid,
	"author_name" text NOT NULL,
	"badges" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"address" text NOT NULL,
	"text" text NOT NULL,
	"reply_to" uuid,
	"emotes" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"status" text NOT NULL,
	"sent_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "chat_messages_status" CHECK ("chat_messages"."status" in ('visible', 'held', 'rejected', 'deleted', 'hidden'))
);
--> statement-breakpoint
CREATE TABLE "chat_roles" (
	"channel_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"role" text NOT NULL,
	"granted_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "chat_roles_channel_id_account_id_pk" PRIMARY KEY("channel_id","account_id"),
	CONSTRAINT "chat_roles_role" CHECK ("chat_roles"."role" in ('moderator', 'vip', 'subscriber'))
);
--> statement-breakpoint
CREATE TABLE "chat_rooms" (
	"channel_id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint DEFAULT 0 NOT NULL,
	"settings" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "emotes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"channel_id" uuid NOT NULL,
	"code" text NOT NULL,
	"image" "bytea" NOT NULL,
	"width" integer NOT NULL,
	"height" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_likes" (
	"stream_id" uuid NOT NULL,
	"liker" text NOT NULL,
	"liked_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "stream_likes_stream_id_liker_pk" PRIMARY KEY("stream_id","liker")
);
--> statement-breakpoint
ALTER TABLE "streams" ADD COLUMN "instance_id" uuid;--> statement-breakpoint
ALTER TABLE "follows" ADD CONSTRAINT "follows_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "follows" ADD CONSTRAINT "follows_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_actions" ADD CONSTRAINT "chat_actions_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_actions" ADD CONSTRAINT "chat_actions_actor_id_accounts_id_fk" FOREIGN KEY ("actor_id") REFERENCES "public"."accounts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_actions" ADD CONSTRAINT "chat_actions_target_id_accounts_id_fk" FOREIGN KEY ("target_id") REFERENCES "public"."accounts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_bans" ADD CONSTRAINT "chat_bans_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_bans" ADD CONSTRAINT "chat_bans_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_bans" ADD CONSTRAINT "chat_bans_by_account_id_accounts_id_fk" FOREIGN KEY ("by_account_id") REFERENCES "public"."accounts"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_messages" ADD CONSTRAINT "chat_messages_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_messages" ADD CONSTRAINT "chat_messages_stream_id_streams_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_messages" ADD CONSTRAINT "chat_messages_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_roles" ADD CONSTRAINT "chat_roles_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_roles" ADD CONSTRAINT "chat_roles_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat_rooms" ADD CONSTRAINT "chat_rooms_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emotes" ADD CONSTRAINT "emotes_channel_id_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stream_likes" ADD CONSTRAINT "stream_likes_stream_id_streams_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "follows_channel" ON "follows" USING btree ("channel_id");--> statement-breakpoint
CREATE UNIQUE INDEX "chat_actions_place" ON "chat_actions" USING btree ("channel_id","seq");--> statement-breakpoint
CREATE INDEX "chat_actions_log" ON "chat_actions" USING btree ("channel_id","acted_at");--> statement-breakpoint
CREATE UNIQUE INDEX "chat_bans_account" ON "chat_bans" USING btree ("channel_id","account_id","kind");--> statement-breakpoint
CREATE UNIQUE INDEX "chat_bans_range" ON "chat_bans" USING btree ("channel_id","address_range","kind");--> statement-breakpoint
CREATE UNIQUE INDEX "chat_messages_place" ON "chat_messages" USING btree ("channel_id","seq");--> statement-breakpoint
CREATE INDEX "chat_messages_author" ON "chat_messages" USING btree ("channel_id","account_id","sent_at");--> statement-breakpoint
CREATE INDEX "chat_messages_held" ON "chat_messages" USING btree ("channel_id","sent_at") WHERE "chat_messages"."status" = 'held';--> statement-breakpoint
CREATE INDEX "chat_messages_stream" ON "chat_messages" USING btree ("stream_id","sent_at");--> statement-breakpoint
CREATE INDEX "chat_messages_age" ON "chat_messages" USING btree ("sent_at");--> statement-breakpoint
CREATE UNIQUE INDEX "emotes_code" ON "emotes" USING btree ("channel_id","code");