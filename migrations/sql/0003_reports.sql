-- What the network said became of an SMS, and the way from a number to the messages still open.

ALTER TABLE outbox
    ADD COLUMN report        text,
    ADD COLUMN report_reason text,
    ADD COLUMN reported_at   timestamptz;
CREATE INDEX outbox_open ON outbox (address, claimed_at) WHERE state IN ('sending', 'unknown');
CREATE INDEX outbox_taken ON outbox (claimed_at) WHERE state = 'done';
COMMENT ON COLUMN outbox.report IS 'The status of the last delivery report; Success, Failed and Rejected are final';
COMMENT ON COLUMN outbox.reported_at IS 'When that report was understood; null: nobody reported yet';
COMMENT ON COLUMN outbox.cost IS 'As the gateway said it, with its currency: KES 0.8000';

-- A one-time code is wiped from its message once sent, and what a customer wrote once understood.
GRANT UPDATE (facts, report, report_reason, reported_at) ON outbox TO kabambe_app;
GRANT UPDATE (body) ON inbox TO kabambe_app;

-- `/readyz` asks whether the database has been migrated.
GRANT SELECT ON alembic_version TO kabambe_app;
