-- Where customers want their statements besides their phone.

CREATE TABLE mail_addresses (
    party_id  bigint PRIMARY KEY REFERENCES parties,
    sealed    text NOT NULL,
    told_at   timestamptz NOT NULL
);
COMMENT ON TABLE mail_addresses IS 'The e-mail address that a customer told us, readable with the root of our secrets alone';

GRANT SELECT, INSERT, UPDATE, DELETE ON mail_addresses TO kabambe_app;
