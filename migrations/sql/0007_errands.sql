-- What the world outside was asked to do with value that is held for it, and what came of it; and
-- money that came from outside and cannot be given to whom it names.

CREATE TABLE errands (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id     bigint NOT NULL UNIQUE,
    kind         text COLLATE "C" NOT NULL,
    reference    text COLLATE "C" NOT NULL UNIQUE,
    provider_id  text COLLATE "C",
    state        text COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (state IN
        ('queued', 'sending', 'unknown', 'agreed', 'declined', 'returning',
         'done', 'refused', 'returned', 'disputed')),
    due_at       timestamptz NOT NULL,
    attempts     smallint NOT NULL DEFAULT 0,
    looks        smallint NOT NULL DEFAULT 0,
    facts        jsonb NOT NULL,
    error        text,
    created_at   timestamptz NOT NULL,
    claimed_by   text,
    claimed_at   timestamptz,
    ended_at     timestamptz
);
CREATE INDEX errands_open ON errands (state, due_at, id)
    WHERE state NOT IN ('done', 'refused', 'returned');
CREATE UNIQUE INDEX errands_provider ON errands (kind, provider_id) WHERE provider_id IS NOT NULL;
COMMENT ON TABLE errands IS 'What somebody outside was asked to do for value that is held: airtime to send, a bank to pay. Made of the outbox''s row, once per hold';
COMMENT ON COLUMN errands.entry_id IS 'The entry that promised it, which is the hold''s id';
COMMENT ON COLUMN errands.reference IS 'The receipt of that entry: how the world outside is told to tell two requests apart';
COMMENT ON COLUMN errands.state IS 'queued, sending (the call is out), unknown (may be done or not: never asked again blindly); agreed, declined, returning: the world has said, the book follows; then done, refused, returned (done, and taken back), or disputed: the world said both, a person must look';
COMMENT ON COLUMN errands.attempts IS 'How often it was asked for';
COMMENT ON COLUMN errands.looks IS 'How often it was asked what became of it';

CREATE TABLE unplaced (
    reference   text COLLATE "C" PRIMARY KEY,
    receipt     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    facts       jsonb NOT NULL,
    because     text NOT NULL,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'released', 'sent_back')),
    came_at     timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX unplaced_waiting ON unplaced (came_at) WHERE state = 'waiting';
COMMENT ON TABLE unplaced IS 'Money in suspense, by the reference under which it came, until staff release it or send it back';

GRANT SELECT, INSERT, UPDATE ON errands, unplaced TO kabambe_app;
