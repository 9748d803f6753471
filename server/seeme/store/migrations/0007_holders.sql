-- A sign-in link can name its holder: several people may sign in by one key, and the trail must tell them apart.
alter table sign_in_codes add column holder text;
alter table sessions add column holder text;
