DROP INDEX "comments_vod";--> statement-breakpoint
DROP INDEX "comments_thread";--> statement-breakpoint
DROP INDEX "comments_account";--> statement-breakpoint
DROP INDEX "vods_channel";--> statement-breakpoint
ALTER TABLE "comments" ADD COLUMN "held_for" text;--> statement-breakpoint
CREATE INDEX "comments_newest" ON "comments" USING btree ("vod_id","id" DESC NULLS FIRST) WHERE "comments"."thread_id" is null;--> statement-breakpoint
CREATE INDEX "comments_liked" ON "comments" USING btree ("vod_id","like_count" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE "comments"."thread_id" is null;--> statement-breakpoint
CREATE INDEX "comments_visible" ON "comments" USING btree ("vod_id") WHERE "comments"."status" = 'visible';--> statement-breakpoint
CREATE INDEX "comments_held" ON "comments" USING btree ("vod_id","id") WHERE "comments"."status" = 'held';--> statement-breakpoint
CREATE INDEX "comments_thread" ON "comments" USING btree ("thread_id","id","status");--> statement-breakpoint
CREATE INDEX "comments_account" ON "comments" USING btree ("account_id","vod_id");--> statement-breakpoint
CREATE INDEX "vods_channel" ON "vods" USING btree ("channel_id","kind","created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST);--> statement-breakpoint
ALTER TABLE "comments" DROP COLUMN "reply_count";--> statement-breakpoint
ALTER TABLE "comments" ADD CONSTRAINT "comments_held_for" CHECK ("comments"."held_for" in ('word', 'link', 'first_message'));