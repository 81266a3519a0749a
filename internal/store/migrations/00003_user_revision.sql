-- +goose Up
-- One row, which says how often anything was changed that others may know of users
-- and groups: not the hash of a password, which a login renews. Triggers count, so
-- that no way of changing a table is forgotten.
CREATE TABLE user_revision (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT  NOT NULL
);
INSERT INTO user_revision (id, revision) VALUES (1, 0);

-- +goose StatementBegin
CREATE TRIGGER users_added AFTER INSERT ON users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_changed
AFTER UPDATE OF id, login, login_folded, name, email, service, superuser, disabled, password_changed ON users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_deleted AFTER DELETE ON users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_added AFTER INSERT ON groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_changed AFTER UPDATE ON groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_deleted AFTER DELETE ON groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_users_added AFTER INSERT ON group_users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_users_changed AFTER UPDATE ON group_users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_users_deleted AFTER DELETE ON group_users
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_groups_added AFTER INSERT ON group_groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_groups_changed AFTER UPDATE ON group_groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_groups_deleted AFTER DELETE ON group_groups
BEGIN UPDATE user_revision SET revision = revision + 1; END;
-- +goose StatementEnd

CREATE INDEX users_by_email ON users (email);
CREATE INDEX users_by_name ON users (name);

-- +goose Down
DROP INDEX users_by_name;
DROP INDEX users_by_email;
DROP TRIGGER group_groups_deleted;
DROP TRIGGER group_groups_changed;
DROP TRIGGER group_groups_added;
DROP TRIGGER group_users_deleted;
DROP TRIGGER group_users_changed;
DROP TRIGGER group_users_added;
DROP TRIGGER groups_deleted;
DROP TRIGGER groups_changed;
DROP TRIGGER groups_added;
DROP TRIGGER users_deleted;
DROP TRIGGER users_changed;
DROP TRIGGER users_added;
DROP TABLE user_revision;
