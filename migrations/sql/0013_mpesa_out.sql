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
    conversation text COLLATE "C" UNIQUE,
    state        text COLLATE "C" NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'balanced', 'differs', 'unheard')),
    ours_minor   bigint,
    theirs_minor bigint,
    accounts     jsonb NOT NULL DEFAULT '[]',
    pulled       integer,
    error        text,
    asked_at     timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX reconciliations_asked ON reconciliations (asked_at DESC);
COMMENT ON TABLE reconciliations IS 'Each time that mpesa/house was held against what Safaricom says it holds for us';
COMMENT ON COLUMN reconciliations.conversation IS 'Safaricom''s name for the question about the balance';
COMMENT ON COLUMN reconciliations.pulled IS 'How many payments of the last two days Safaricom listed; null when it did not';

CREATE TABLE differences (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('unheard', 'unlisted', 'amount', 'balance', 'disputed')),
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
    ended_at     timestamptz
);
CREATE UNIQUE INDEX differences_one ON differences (kind, reference) WHERE state = 'open';
COMMENT ON TABLE differences IS 'Where our book and Safaricom''s do not say the same, until two of the staff post what is suggested, or one leaves it, or it is gone';
COMMENT ON COLUMN differences.suggestion IS 'The type of the entry that would mend it; null when no entry can';
COMMENT ON COLUMN differences.approvals IS 'Who has said yes to the suggestion';
COMMENT ON COLUMN differences.receipt IS 'The entry that was posted';

GRANT SELECT, INSERT, DELETE ON errand_questions TO kabambe_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON errand_pauses TO kabambe_app;
GRANT SELECT, INSERT, UPDATE ON reconciliations, differences TO kabambe_app;
