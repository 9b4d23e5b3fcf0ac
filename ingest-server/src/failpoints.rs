//! The steps that have to survive a kill, each named once: a test ends the process right before the step. The last of a chain
//! stands before the answer, when everything is durable and nobody has been told.
//!
//! `OBJECT_ABANDON` is passed only where a step before it failed, and the `SWEEP` ones only where a killed server left
//! something; all others are passed in a server's life from its first start to its first close.

wayhex_failpoint::failpoints! {
    FOLDER_FLUSH = "server.folder.flush",
    KEYS_FOLDER = "server.keys.folder",
    KEY_CREATE = "server.key.create",
    KEY_WRITE = "server.key.write",
    KEY_FLUSH = "server.key.flush",
    KEY_RENAME = "server.key.rename",
    KEY_FOLDER_FLUSH = "server.key.folder_flush",

    DATABASE_CREATE = "server.database.create",
    DATABASE_MIGRATE = "server.database.migrate",
    OBJECTS_FOLDER = "server.objects.folder",
    OBJECTS_FOLDER_FLUSH = "server.objects.folder_flush",
    OBJECTS_SWEEP = "server.objects.sweep",
    POLICY_COMMIT = "server.policy.commit",
    READY_WRITE = "server.ready.write",
    READY_RENAME = "server.ready.rename",

    REGISTRATION_COMMIT = "server.registration.commit",
    REGISTRATION_ANSWER = "server.registration.answer",

    OBJECT_CREATE = "server.object.create",
    OBJECT_APPEND = "server.object.append",
    OBJECT_FLUSH = "server.object.flush",
    OBJECT_RENAME = "server.object.rename",
    OBJECT_FOLDER_FLUSH = "server.object.folder_flush",
    OBJECT_ABANDON = "server.object.abandon",
    GROUP_COMMIT = "server.group.commit",
    GROUP_ANSWER = "server.group.answer",
    BATCH_ANSWER = "server.batch.answer",
    ANSWERS_ANSWER = "server.answers.answer",

    EVIDENCE_FOLDER = "server.evidence.folder",
    EVIDENCE_CREATE = "server.evidence.create",
    EVIDENCE_WRITE = "server.evidence.write",
    EVIDENCE_FLUSH = "server.evidence.flush",
    EVIDENCE_RENAME = "server.evidence.rename",
    EVIDENCE_FOLDER_FLUSH = "server.evidence.folder_flush",
    CLOSE_RECORD = "server.close.record",
    CLOSE_COMMIT = "server.close.commit",
    CLOSE_ANSWER = "server.close.answer",
    SCHEDULED_CLOSE_COMMIT = "server.scheduled_close.commit",
    SCHEDULED_CLOSE_ANSWER = "server.scheduled_close.answer",
}
