DROP TABLE bennu_outbox_owners;
DROP TABLE bennu_outbox;
