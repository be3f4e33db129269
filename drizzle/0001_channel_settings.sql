ALTER TABLE "channels" ADD COLUMN "second_publisher" text DEFAULT 'reject' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "backup_return" text DEFAULT 'automatic' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "on_breach" text DEFAULT 'refuse' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "ingest_limits" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_second_publisher" CHECK ("channels"."second_publisher" in ('reject', 'takeover'));--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_backup_return" CHECK ("channels"."backup_return" in ('automatic', 'manual'));--> statement-breakpoint
ALTER TABLE "channels" ADD CONSTRAINT "channels_on_breach" CHECK ("channels"."on_breach" in ('refuse', 'warn'));