"""What is told around `restore-drill`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
The table was dropped on the primary, and the replica had done the same before anybody could look: a replica repeats
what the primary does, mistakes among it. All {n["unsold"]:.0f} buyers who came then were refused. Nothing was broken in
the ordinary sense: both servers were up, replication had no lag, and the table was gone.

The backup held what the shop was when it was taken ({n["backup_mb"]:.1f} MB, {n["taking_s"]:.1f} s). Restored alone it
brought the table back and lost {n["backup_lost"]:.0f} of {n["orders"]:.0f} orders that buyers had been told are placed:
all that came after it. That is what its RPO means (recovery point objective: how much may be lost): the time between
two backups, at the rate of the shop.

With the log, recovery goes on from the backup: every commit since, in its order, up to the second before the drop, and
not to the drop itself. {n["log_lost"]:.0f} orders lost, {n["log_differ"]:.0f} tables whose digest was another than
before. The log is archived by the server itself, file by file; nothing was copied in between.

The way back took {n["log_s"]:.1f} s, {n["backup_s"]:.1f} s without the log (how long it may take is the RTO, recovery
time objective): end the server, unpack and verify the backup, replay the log, look at what came out, promote, copy the
replica anew. The whole outage was {n["outage_s"]:.0f} s, with two restores in it. In real life the
largest part is none of these: it is until somebody has noticed, and has found the second before."""


def short_answer(n: Numbers) -> str:
    return (
        "A replica protects from a lost machine, a backup from a lost table: the replica had dropped it, too. From the "
        f"backup alone {n['backup_lost']:.0f} of {n['orders']:.0f} orders were lost; with the archived log, replayed "
        f"to the second before, {n['log_lost']:.0f}, in {n['log_s']:.0f} s, proved by a digest of each table."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
First I separate two kinds of loss. A machine is lost: a replica takes over, within seconds, nothing lost if it is
synchronous. Data is lost by a mistake, a bug, an intruder: every replica has the mistake at once, so the data must come
from somewhere that does not follow: a backup.

Then two numbers. RPO: how much may be lost. With a nightly backup a day; here {n["backup_lost"]:.0f} of
{n["orders"]:.0f} orders. With the log archived continuously it is what the archive does not have yet: here
{n["log_lost"]:.0f} orders, as a server that is ended in good order archives the rest, and one that was killed still has
it on its disk. Where the disk may be lost with it, the last file of the log is the RPO: then an archive timeout, or
streaming the log to the archive, buys it down. RTO: how long it may take. Here {n["log_s"]:.1f} s; it grows with the
size of the backup (bytes over bandwidth) and with the log since (so backups are taken often enough to keep it short).

Then what a restore does to everything else. The database goes back to one moment, and is right inside. Outside, people
have been told of orders that are no more, were charged, got mail: that list must be made before the old data is thrown
away. Queues hold news of a state that never was: throw them away, announce again from the restored outbox, and rely on
consumers that are idempotent.

And a backup nobody has restored is a hope. So restore regularly, automatically, into another place, and compare: row
counts and digests of every table ({n["log_differ"]:.0f} differed here). Keep the old data until somebody has looked."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The digests are taken while nobody buys: under load, the digest of a moment cannot be asked for, only that of a moment
before or after. Both restores count from the same orders: the second one goes forward again, to a time after the backup
that the first one went back to. It can, because a restore begins a new timeline and the log of the one that was left is
kept. So there are two outages in this run, where a real one has one. The database is small and the archive on the same
disk: seconds here are minutes or hours elsewhere. The fault keeps the rows of the table aside, in a schema of its own,
so that `./shoplab heal` can undo it; no restore takes them from there: in the restored database, that schema does not
exist.""",
    mitigation="""\
The archive is switched on by the first `./shoplab backup`; `./shoplab backups` says how far each can be restored. The
code: compose/images/postgres/archive (keeps one file of the log), backup and start (a base backup, and how a server is
made from one), compose/archive.py (which backup, along which timeline), compose/backups.py (the restore, step by step),
labs/control/backups.py (what is not in Postgres is fitted to it).""",
    questionnaire=(
        (
            "Why is a replica no backup, not even one that lags an hour behind on purpose?",
            "It repeats every mistake. With a delay there is an hour to notice and stop it, which is worth something; "
            "after that hour it has the mistake as well.",
        ),
        (
            "Why must recovery stop before the drop, and not simply replay all of the log?",
            "The drop is in the log, too. What is needed is all of it up to that commit: so somebody must find out "
            "when that was, to the second.",
        ),
        (
            "The archive's disk is full. What becomes of the shop?",
            "The server keeps each file of its log that could not be archived and tries again: nothing is lost, until "
            "its own disk is full, too. So a failing archive is an alarm, and the archive has a bound.",
        ),
        (
            "After the restore a queue still holds 'order placed' for an order that is no more. What now?",
            "The warehouse would pack it. Queues are derived from the outbox: throw them away, and announce anew what "
            "the restored outbox holds. Who gets it twice notices, by the order's id.",
        ),
        (
            "Orders came for ten minutes after the drop of another table before anybody noticed. How much is lost?",
            "Ten minutes: whoever goes back to the second before the drop gives up all that was confirmed since. The "
            "time to notice is part of what is lost. (Or only that one table is taken from a copy restored elsewhere.)",
        ),
    ),
    further="""\
Drop a table that orders do not need: `./shoplab break table_drop postgres-1 table=notifications.messages`, buy for a
while with `./shoplab load --mix checkout --rate 4 --duration 5`, and decide: go back to the second before and lose what
was confirmed since, or bring back one table only? `./shoplab heal` undoes it. What does `./shoplab digests` say before
and after?""",
    interview=Interview(
        question="Somebody ran DROP TABLE orders in production. What now, and what should have been there before?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Twenty-five minutes. Ask before the run who has a replica at work, who has backups, and who has restored one this year:
the three numbers make the point. The first prediction divides the room. If a restore fails in front of the class, that
is the lesson as well: it says that nothing is restored and everything is as it was; the reason is in the message. The
data that each restore put aside lies in the shop's folder until `./shoplab reset`; show that it is there.""",
)
