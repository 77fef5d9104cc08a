-- The rates of coins that were told to somebody.

CREATE TABLE rates (
    coin   text NOT NULL,
    at     timestamptz NOT NULL,
    minor  bigint NOT NULL CHECK (minor > 0),
    PRIMARY KEY (coin, at)
);
COMMENT ON TABLE rates IS 'What a coin was worth when somebody asked: the middle rate, as the feed said it. Append-only';
COMMENT ON COLUMN rates.at IS 'When the rate came to be, not when it was asked for';
COMMENT ON COLUMN rates.minor IS 'Minor units of KES for one whole unit of the coin';

GRANT SELECT, INSERT ON rates TO kabambe_app;
