-- Signing secrets are made by people now; those that came with each model were never shown to anybody.
delete from signing_secrets;

-- What was said of a prediction lately: a burst, or the same once more.
create index feedback_active on feedback (model_id, prediction_id, feedback_type, received_at) where status = 'active';

-- Quarantine is gone through by cause, which is the first word of the reason.
update feedback set status_reason = 'misfit: ' || substr(status_reason, 29)
where status = 'quarantined' and status_reason like 'doesn''t fit its prediction: %';
drop index feedback_quarantined;
create index feedback_quarantined on feedback (model_id, (substr(status_reason, 1, 5)), received_at, id)
where status = 'quarantined';
