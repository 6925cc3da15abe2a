using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>The changes of events as bytes. Events have their JSON, so that other nodes need not read them.</summary>
internal static class EventChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<EventsAppended>(
            1,
            static (to, op) => to.Identity(op.Room).Items(op.Events, Write),
            static from =>
            {
                // Their position is that of the batch.
                var room = from.Identity();
                return new EventsAppended(room, from.Items(from => Read(room, position: 0, from)));
            }),
        ChangeFormat.Of<EventRedacted>(
            20,
            static (to, op) => Write(to.Identity(op.Redacted.Room).Int(op.Redacted.Row.Position), op.Redacted),
            static from => new EventRedacted(Read(from.Identity(), from.Int(), from))),
        ChangeFormat.Of<OutlierRenumbered>(
            21,
            static (to, op) => to.Nid(op.Outlier).Nid(op.Live),
            static from => new OutlierRenumbered(from.Nid(), from.Nid())),
        ChangeFormat.Of<EventMarksChanged>(
            22,
            static (to, op) => to.Nid(op.Nid).Int((int)op.Marks),
            static from => new EventMarksChanged(from.Nid(), (EventMarks)from.Int32())),
        ChangeFormat.Of<EventsPurged>(
            23,
            static (to, op) => to.Room(op.Room).Items(op.Events, static (to, nid) => to.Nid(nid)),
            static from => new EventsPurged(from.Room(), from.Items(static from => from.Nid()))),
        ChangeFormat.Of<HistoryPurged>(
            24,
            static (to, op) => to.Room(op.Room).Nid(op.Before),
            static from => new HistoryPurged(from.Room(), from.Nid(), [])),
    ];

    private static void Write(ChangeWriter to, StoredEvent stored)
    {
        var row = stored.Row;
        to.Nid(row.Nid).Text(row.EventId).Int(row.Step).Int((int)row.Marks).Int(row.NotifyClass)
            .Text(row.Sender).Nid(row.ThreadRoot).Nid(row.RedactedBy).Bytes(row.Json)
            .TextOrNull(row.Transaction?.DeviceId).TextOrNull(row.Transaction?.TransactionId)
            .NidOrNull(stored.Replaces).Bool(stored.HasRelation);
    }

    private static StoredEvent Read(RoomIdentity room, long position, ChangeReader from)
    {
        var (nid, eventId, step) = (from.Nid(), from.Text(), from.Int32());
        var (marks, notifyClass, sender) = ((EventMarks)from.Int32(), from.Int32(), from.Text());
        var (threadRoot, redactedBy, json) = (from.Nid(), from.Nid(), from.Bytes());
        var (device, transaction) = (from.TextOrNull(), from.TextOrNull());
        var sentAs = device is null || transaction is null ? null : new SentAs(device, transaction);
        var row = new EventRow(
            nid, eventId, position, step, marks, notifyClass, sender, threadRoot, redactedBy, sentAs, json);
        return new StoredEvent(room, row) { Replaces = from.NidOrNull(), HasRelation = from.Bool() };
    }
}
