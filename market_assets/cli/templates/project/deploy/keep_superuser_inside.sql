-- For the server of docker-compose.yml alone: without a password, the superuser signs in by the socket inside the
-- container (docker compose exec postgres psql --username postgres) and from nowhere else.
ALTER ROLE postgres PASSWORD NULL;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
