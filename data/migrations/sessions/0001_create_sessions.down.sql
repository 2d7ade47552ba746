DROP TABLE bennu_sessions;
