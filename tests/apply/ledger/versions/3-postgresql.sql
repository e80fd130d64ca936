-- the ledger's tables of version 3
CREATE TABLE reconciler_meta (
    name VARCHAR(32) NOT NULL,
    value VARCHAR(255) NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE reconciler_runs (
    id SERIAL NOT NULL,
    site VARCHAR(255) NOT NULL,
    digest VARCHAR(64) NOT NULL,
    commit VARCHAR(64) NOT NULL,
    who VARCHAR(255) NOT NULL,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    started TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    finished TIMESTAMP WITHOUT TIME ZONE,
    state VARCHAR(16) NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX reconciler_runs_digest ON reconciler_runs (digest);
CREATE TABLE reconciler_plans (
    run INTEGER NOT NULL,
    part INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, part)
);
CREATE TABLE reconciler_steps (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    scope VARCHAR(16) NOT NULL,
    subject VARCHAR(320) NOT NULL,
    step_id VARCHAR(400) NOT NULL,
    system VARCHAR(32) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    action VARCHAR(16) NOT NULL,
    key VARCHAR(320) NOT NULL,
    stage INTEGER NOT NULL,
    before TEXT,
    after TEXT,
    origin TEXT NOT NULL,
    counted VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    began TIMESTAMP WITHOUT TIME ZONE,
    ended TIMESTAMP WITHOUT TIME ZONE,
    message TEXT NOT NULL,
    hint TEXT NOT NULL,
    PRIMARY KEY (run, seq)
);
CREATE INDEX reconciler_steps_began ON reconciler_steps (began);
CREATE INDEX reconciler_steps_counted ON reconciler_steps (counted, kind);
CREATE INDEX reconciler_steps_ended ON reconciler_steps (ended);
CREATE UNIQUE INDEX reconciler_steps_id ON reconciler_steps (run, step_id);
CREATE INDEX reconciler_steps_key ON reconciler_steps (key, kind);
CREATE INDEX reconciler_steps_owner ON reconciler_steps (subject, kind, run);
CREATE INDEX reconciler_steps_state ON reconciler_steps (state, kind);
CREATE TABLE reconciler_inventory (
    site VARCHAR(255) NOT NULL,
    system VARCHAR(32) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    key VARCHAR(320) NOT NULL,
    scope VARCHAR(16) NOT NULL,
    subject VARCHAR(320) NOT NULL,
    value TEXT NOT NULL,
    commit VARCHAR(64) NOT NULL,
    run INTEGER NOT NULL,
    since TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    since_commit VARCHAR(64) NOT NULL,
    PRIMARY KEY (site, system, kind, key)
);
CREATE TABLE reconciler_lock (
    name VARCHAR(255) NOT NULL,
    holder VARCHAR(255) NOT NULL,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    run INTEGER,
    since BIGINT,
    expires BIGINT,
    fence BIGINT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE reconciler_one_shots (
    id SERIAL NOT NULL,
    run INTEGER NOT NULL,
    step_id VARCHAR(400) NOT NULL,
    address VARCHAR(320) NOT NULL,
    name VARCHAR(64) NOT NULL,
    date DATE NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE reconciler_chain (
    site VARCHAR(255) NOT NULL,
    number INTEGER NOT NULL,
    part VARCHAR(16) NOT NULL,
    run INTEGER NOT NULL,
    at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    salt VARCHAR(64) NOT NULL,
    leaves TEXT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (site, number)
);
CREATE INDEX reconciler_chain_run ON reconciler_chain (run);
CREATE TABLE reconciler_heads (
    site VARCHAR(255) NOT NULL,
    number INTEGER NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (site)
);
