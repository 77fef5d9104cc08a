-- Money on its way out to M-PESA: what was learnt of it, questions about it, kinds of errand that
-- rest because Safaricom does not know us; and our books held against Safaricom's.

ALTER TABLE errands
    ADD COLUMN tries  smallint NOT NULL DEFAULT 1,
    ADD COLUMN learnt jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN errands.tries IS 'The number of the request: counted up only when it is certain that the one before failed, for it goes under another name then';
COMMENT ON COLUMN errands.learnt IS 'What the world said of it besides yes or no: a receiver''s name, their receipt, the code of a failure';

CREATE TABLE errand_questions (
    conversation text COLLATE "C" PRIMARY KEY,
    errand_id    bigint NOT NULL,
    tries        smallint NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX errand_questions_expires ON errand_questions (expires_at);
COMMENT ON TABLE errand_questions IS 'What became of an errand, asked of somebody who answers later: by the name that they gave the question';

CREATE TABLE errand_pauses (
    kind    text COLLATE "C" PRIMARY KEY,
    because text NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL
);
COMMENT ON TABLE errand_pauses IS 'Kinds of errand that rest, for every one of them would fail: a password that is wrong or locked. After until one of them goes out to see whether it is mended';

ALTER TABLE unplaced
    DROP CONSTRAINT unplaced_state_check,
    ADD CONSTRAINT unplaced_state_check CHECK (state IN ('waiting', 'returning', 'released', 'sent_back'));
COMMENT ON COLUMN unplaced.state IS 'waiting for staff; returning: on its way back to whoever sent it; released to somebody; sent_back';

CREATE TABLE reconciliations (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state        text COLLATE "C" NOT NULL DEFAULT 'listing' CHECK (state IN
        ('listing', 'asked', 'balanced', 'differs', 'unheard')),
    begun_at     timestamptz NOT NULL,
    next_at      timestamptz NOT NULL,
    listed_from  timestamptz NOT NULL,
    listed_until timestamptz NOT NULL,
    listed       integer NOT NULL DEFAULT 0,
    untold       integer NOT NULL DEFAULT 0,
    conversation text COLLATE "C" UNIQUE,
    asked_at     timestamptz,
    ours_minor   bigint,
    theirs_minor bigint,
    accounts     jsonb NOT NULL DEFAULT '[]',
    error        text,
    ended_at     timestamptz
);
CREATE INDEX reconciliations_begun ON reconciliations (begun_at DESC);
CREATE INDEX reconciliations_next ON reconciliations (next_at);
CREATE INDEX reconciliations_listed ON reconciliations (listed_until);
COMMENT ON TABLE reconciliations IS 'Each time that what came in, and mpesa/house, was held against what Safaricom says';
COMMENT ON COLUMN reconciliations.state IS 'listing: payments that came are read; asked: for the balance; then what it said of it, or unheard';
COMMENT ON COLUMN reconciliations.next_at IS 'When another one is due';
COMMENT ON COLUMN reconciliations.listed_until IS 'So far the list has been read; it is done at begun_at. The next one goes on from there, a little earlier';
COMMENT ON COLUMN reconciliations.untold IS 'How many of the listed payments nobody had told us of: they are entered by the list';
COMMENT ON COLUMN reconciliations.conversation IS 'Safaricom''s name for the question about the balance';
COMMENT ON COLUMN reconciliations.ours_minor IS 'mpesa/house when the balance was asked for';

CREATE TABLE differences (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('unheard', 'unlisted', 'amount', 'balance', 'disputed', 'reversed')),
    reference    text COLLATE "C" NOT NULL,
    ours_minor   bigint,
    theirs_minor bigint,
    facts        jsonb NOT NULL DEFAULT '{}',
    suggestion   text COLLATE "C",
    state        text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'posted', 'left', 'gone')),
    approvals    text[] NOT NULL DEFAULT '{}',
    receipt      text COLLATE "C",
    found_at     timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    seen_in      bigint,
    ended_at     timestamptz
);
CREATE UNIQUE INDEX differences_one ON differences (kind, reference) WHERE state = 'open';
COMMENT ON TABLE differences IS 'Where our book and Safaricom''s do not say the same, until two of the staff post what is suggested, or one leaves it, or it is gone';
COMMENT ON COLUMN differences.suggestion IS 'The type of the entry that would mend it; null when no entry can';
COMMENT ON COLUMN differences.facts IS 'amount: what the suggested entry moves; whatever else people should know';
COMMENT ON COLUMN differences.seen_in IS 'The comparison that has found it last';
COMMENT ON COLUMN differences.approvals IS 'Who has said yes to the suggestion';
COMMENT ON COLUMN differences.receipt IS 'The entry that was posted';

GRANT SELECT, INSERT, DELETE ON errand_questions TO kabambe_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON errand_pauses TO kabambe_app;
GRANT SELECT, INSERT, UPDATE ON reconciliations, differences TO kabambe_app;
