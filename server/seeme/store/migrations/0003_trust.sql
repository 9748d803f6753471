-- Signing secrets are made by people now; those that came with each model were never shown to anybody.
delete from signing_secrets;
