-- +goose Up
CREATE TABLE policies (
    name     TEXT   NOT NULL PRIMARY KEY,
    text     TEXT   NOT NULL,
    position BIGINT NOT NULL UNIQUE,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL
);

-- One row, which says how often the policies were changed.
CREATE TABLE policy_revision (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT  NOT NULL
);
INSERT INTO policy_revision (id, revision) VALUES (1, 0);

-- +goose Down
DROP TABLE policy_revision;
DROP TABLE policies;
