-- Money that comes from M-PESA: what somebody was asked to pay on their phone, and every receipt of
-- Safaricom's that has been entered.

CREATE TABLE pushes (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purpose      text COLLATE "C" NOT NULL,
    account      text NOT NULL CHECK (length(account) BETWEEN 1 AND 12),
    facts        jsonb NOT NULL,
    msisdn       text NOT NULL,
    language     text NOT NULL CHECK (language IN ('en', 'sw')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor % 100 = 0),
    state        text COLLATE "C" NOT NULL DEFAULT 'created' CHECK (state IN
        ('created', 'sent', 'accepted', 'unknown', 'succeeded', 'failed')),
    checkout_id  text COLLATE "C",
    merchant_id  text COLLATE "C",
    mpesa        text COLLATE "C",
    guessed      boolean NOT NULL DEFAULT false,
    result_code  text COLLATE "C",
    due_at       timestamptz,
    attempts     smallint NOT NULL DEFAULT 0,
    looks        smallint NOT NULL DEFAULT 0,
    error        text,
    created_at   timestamptz NOT NULL,
    claimed_by   text,
    claimed_at   timestamptz,
    ended_at     timestamptz,
    CONSTRAINT pushes_end CHECK ((state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT pushes_paid CHECK (state <> 'succeeded' OR mpesa IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX pushes_due ON pushes (state, due_at, id) WHERE ended_at IS NULL;
CREATE INDEX pushes_open ON pushes (msisdn, created_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX pushes_checkout ON pushes (checkout_id);
CREATE UNIQUE INDEX pushes_mpesa ON pushes (mpesa);
COMMENT ON TABLE pushes IS 'Payments that somebody was asked for on their phone (STK push): committed before Safaricom is called, never asked for again blindly';
COMMENT ON COLUMN pushes.purpose IS 'What the money is for: topup, or a product''s own word. What follows from it is in facts';
COMMENT ON COLUMN pushes.account IS 'The account number that the payer is shown, by which the money is placed';
COMMENT ON COLUMN pushes.state IS 'created, sent (the call is out), accepted (the phone was asked), unknown (may be paid or not), then succeeded or failed. A success may still come after any of them';
COMMENT ON COLUMN pushes.checkout_id IS 'Safaricom''s CheckoutRequestID: what its callback and our question name it by. Null where the answer to the call was lost';
COMMENT ON COLUMN pushes.mpesa IS 'The M-PESA receipt of the payment';
COMMENT ON COLUMN pushes.guessed IS 'Nobody has said that this receipt is its: account, amount, payer and time fit';
COMMENT ON COLUMN pushes.result_code IS 'What Safaricom said came of it. 0 without a receipt: paid, and the receipt is still to come';
COMMENT ON COLUMN pushes.due_at IS 'When it is to be asked for, or asked about; null when nobody can be asked any more';

CREATE TABLE mpesa_receipts (
    mpesa        text COLLATE "C" PRIMARY KEY,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    account      text COLLATE "C" NOT NULL,
    payer        text COLLATE "C" NOT NULL,
    receipt      text COLLATE "C" NOT NULL,
    paid_at      timestamptz NOT NULL,
    entered_at   timestamptz NOT NULL,
    listed_at    timestamptz
);
CREATE INDEX mpesa_receipts_account ON mpesa_receipts (account, amount_minor, entered_at);
CREATE INDEX mpesa_receipts_paid ON mpesa_receipts (paid_at);
COMMENT ON TABLE mpesa_receipts IS 'Every payment into our shortcode that stands in the ledger, by Safaricom''s receipt: what its statement is held against';
COMMENT ON COLUMN mpesa_receipts.account IS 'The account number as it was understood, not as it was typed';
COMMENT ON COLUMN mpesa_receipts.payer IS 'Who paid, as far as Safaricom says: a number, one with stars in it, a digest, or nothing';
COMMENT ON COLUMN mpesa_receipts.receipt IS 'Our own receipt for it';
COMMENT ON COLUMN mpesa_receipts.listed_at IS 'When Safaricom''s own list was first seen to have it';

ALTER TABLE unplaced ADD COLUMN source text NOT NULL DEFAULT 'bank' CHECK (source IN ('bank', 'mpesa', 'found'));
ALTER TABLE unplaced ADD COLUMN wanted text;
ALTER TABLE unplaced ADD COLUMN wanted_by text;
COMMENT ON COLUMN unplaced.source IS 'Who brought it: the bank switch; M-PESA, whose receipt is then the reference; or it was found to lie at Safaricom, and the reference is our own receipt';
COMMENT ON COLUMN unplaced.wanted IS 'Where one of the staff wants it to go: an account number. It goes there when another agrees';

-- A payer whom Safaricom names by a digest only is found among our own by it.
CREATE INDEX parties_digest ON parties (encode(sha256(substr(msisdn, 2)::bytea), 'hex'));

GRANT SELECT, INSERT, UPDATE ON pushes TO kabambe_app;
GRANT SELECT, INSERT, UPDATE (listed_at) ON mpesa_receipts TO kabambe_app;
