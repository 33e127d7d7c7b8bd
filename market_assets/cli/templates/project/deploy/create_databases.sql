-- The program's role and its two databases: run once by psql as a superuser, with POSTGRES_PASSWORD in its environment.
-- The role owns the schemas of the databases and nothing else: no database, no other role's tables, no server.
\getenv password POSTGRES_PASSWORD
CREATE ROLE market LOGIN PASSWORD :'password';
-- Dagster's history has a database of its own: it and the market tables each keep the version of their schema.
CREATE DATABASE market;
CREATE DATABASE dagster;
REVOKE ALL ON DATABASE market, dagster FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE market, dagster TO market;
\connect market
ALTER SCHEMA public OWNER TO market;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Users and their password hashes, apart from the results: who may read those is given public and not this.
CREATE SCHEMA accounts AUTHORIZATION market;
\connect dagster
ALTER SCHEMA public OWNER TO market;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
