-- a run of version 3 that died: Anna's mailbox is made, their letter is owed; Hans' letter was sent
INSERT INTO reconciler_meta (name, value) VALUES ('version', '3');
INSERT INTO reconciler_runs (site, digest, {commit}, who, host, pid, started, finished, state) VALUES ('nrw', 'd1', 'abc', 'technik', 'mail.example', 7, '2026-11-24 10:58:00.123456', NULL, 'running');
INSERT INTO reconciler_plans (run, part, text) VALUES (1, 0, '{"site": "nrw"}');
INSERT INTO reconciler_steps VALUES (1, 0, 'account', 'anna@partei.example', 'postfixadmin/mailbox/create/anna@partei.example', 'postfixadmin', 'mailbox', 'create', 'anna@partei.example', 10, NULL, '{"key": "anna@partei.example"}', 'nrw.yaml:12', 'creation', 'done', '2026-11-24 10:58:01.000000', '2026-11-24 10:58:02.000000', '', '');
INSERT INTO reconciler_steps VALUES (1, 1, 'account', 'anna@partei.example', 'letters/letter/create/anna@partei.example', 'letters', 'letter', 'create', 'anna@partei.example', 80, NULL, '{"key": "anna@partei.example"}', 'nrw.yaml:12', 'creation', 'begun', '2026-11-24 10:58:03.000000', NULL, '', '');
INSERT INTO reconciler_steps VALUES (1, 2, 'account', 'hans@partei.example', 'letters/letter/create/hans@partei.example', 'letters', 'letter', 'create', 'hans@partei.example', 80, NULL, '{"key": "hans@partei.example"}', 'nrw.yaml:15', 'creation', 'done', '2026-11-24 10:58:03.000000', '2026-11-24 10:58:04.000000', '', '');
INSERT INTO reconciler_inventory VALUES ('nrw', 'postfixadmin', 'mailbox', 'anna@partei.example', 'account', 'anna@partei.example', '{"key": "anna@partei.example"}', 'abc', 1, '2026-11-24 10:58:02.000000', 'abc');
INSERT INTO reconciler_one_shots (run, step_id, address, name, date) VALUES (1, '', 'anna@partei.example', 'password_reset', '2026-11-01');
INSERT INTO reconciler_lock (name, holder, host, pid, run, since, expires, fence) VALUES ('nrw', '', '', 0, NULL, NULL, NULL, 3);
INSERT INTO reconciler_lock (name, holder, host, pid, run, since, expires, fence) VALUES ('nds', '', '', 0, NULL, NULL, NULL, 1);
INSERT INTO reconciler_chain VALUES ('nds', 0, 'start', 0, '2026-11-30 20:47:32.675394', '', '', 'ac7e29d6b4eedf9d4d991f42e559696ad4ca144d6deef67cd640347156bbc9e7');
INSERT INTO reconciler_chain VALUES ('nrw', 0, 'start', 1, '2026-11-30 20:47:32.684232', '', '', '365e1b27216e0e3174539e37fbc9b64afaf3ec1d78dafc94d7123a1a1b0333eb');
INSERT INTO reconciler_heads VALUES ('nds', 0, 'ac7e29d6b4eedf9d4d991f42e559696ad4ca144d6deef67cd640347156bbc9e7');
INSERT INTO reconciler_heads VALUES ('nrw', 0, '365e1b27216e0e3174539e37fbc9b64afaf3ec1d78dafc94d7123a1a1b0333eb');
