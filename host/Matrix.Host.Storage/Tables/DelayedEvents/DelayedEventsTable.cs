using System.Buffers.Binary;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.DelayedEvents;

/// <summary>
/// Events that clients scheduled and that are not sent or cancelled yet. A row takes some 300 bytes beside the event's
/// content. MSC4140.
/// </summary>
public sealed class DelayedEventsTable(IReads reads)
{
    private const string Columns =
        "delay_id, user_id, device_id, room_id, type, state_key, origin_server_ts, delay, since, request";

    private static readonly Statement All = Statement.Of($"""
        SELECT {Columns} FROM delayed_events WHERE delay_id > $1 ORDER BY delay_id LIMIT $2
        """);

    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns}, content FROM delayed_events WHERE user_id = $1");

    private static readonly Statement Find = Statement.Of(
        $"SELECT {Columns}, content FROM delayed_events WHERE delay_id = $1");

    private static readonly Statement Add = Statement.Of($"""
        INSERT INTO delayed_events ({Columns}, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """);

    private static readonly Statement Restart = Statement.Of(
        "UPDATE delayed_events SET since = $2 WHERE delay_id = $1");

    private static readonly Statement End = Statement.Of("DELETE FROM delayed_events WHERE delay_id = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<DelayedEventAdded>(Add, static (a, op) => a
            .Text(op.Row.DelayId).Text(op.Row.Sender.UserId).Text(op.Row.Sender.DeviceId).Text(op.Row.RoomId)
            .Text(op.Row.Type).TextOrNull(op.Row.StateKey).IntOrNull(op.Row.OriginServerTs)
            .Int(op.Row.Delay).Int(op.Row.Since).BlobOrNull(Bytes(op.Row.Request)).Blob(op.Row.Content))
        .On<DelayedEventRestarted>(Restart, static (a, op) => a.Text(op.DelayId).Int(op.Since))
        .On<DelayedEventEnded>(End, static (a, op) => a.Text(op.DelayId));

    /// <summary>All of them without their contents, by id, a page at a time: those after this id.</summary>
    public ValueTask<IReadOnlyList<DelayedEventRow>> AllAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            All, (after, limit), static (a, q) => a.Text(q.after).Int(q.limit), static row => Row(row, []), stop);

    /// <summary>Those of a user, with their contents.</summary>
    public ValueTask<IReadOnlyList<DelayedEventRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(
            OfUser, userId, static (a, user) => a.Text(user), static row => Row(row, row.Blob(10)), stop);

    /// <summary>One of them, with its content; null if there is none.</summary>
    public ValueTask<DelayedEventRow?> FindAsync(string delayId, CancellationToken stop) => reads.FirstAsync(
        Find, delayId, static (a, id) => a.Text(id), static row => (DelayedEventRow?)Row(row, row.Blob(10)), stop);

    private static DelayedEventRow Row(IRow row, byte[] content) => new(
        row.Text(0),
        new UserDevice(row.Text(1), row.Text(2)),
        row.Text(3),
        row.Text(4),
        row.TextOrNull(5),
        content,
        row.Int64OrNull(6),
        row.Int64(7),
        row.Int64(8),
        row.BlobOrNull(9) is { } request ? BinaryPrimitives.ReadUInt128BigEndian(request.Span) : null);

    private static ReadOnlyMemory<byte>? Bytes(UInt128? request)
    {
        if (request is not { } value) return null;
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }
}

/// <summary>A scheduled event.</summary>
/// <param name="DelayId">Its secret name: whoever knows it may send or cancel the event.</param>
/// <param name="Sender">The user and the device that scheduled it.</param>
/// <param name="StateKey">Null for a message event.</param>
/// <param name="Content">The content, a JSON object; empty where it is not read.</param>
/// <param name="OriginServerTs">Milliseconds since the epoch that an application service gives the event; null for the
/// time of sending.</param>
/// <param name="Delay">Milliseconds.</param>
/// <param name="Since">When the delay last began, in milliseconds since the epoch.</param>
/// <param name="Request">The hash of the key of the request that scheduled it; null without a transaction id.</param>
public sealed record DelayedEventRow(
    string DelayId,
    UserDevice Sender,
    string RoomId,
    string Type,
    string? StateKey,
    ReadOnlyMemory<byte> Content,
    long? OriginServerTs,
    long Delay,
    long Since,
    UInt128? Request)
{
    /// <summary>The user only: the id is a secret.</summary>
    public override string ToString() => $"of {Sender.UserId} in {RoomId}";
}

/// <summary>Schedules an event.</summary>
public sealed record DelayedEventAdded(DelayedEventRow Row) : Change
{
    internal override int Weight => 300 + Row.Content.Length;
}

/// <summary>The delay of a scheduled event begins anew.</summary>
public sealed record DelayedEventRestarted(string DelayId, long Since) : Change;

/// <summary>A scheduled event was sent or cancelled, or cannot be sent.</summary>
public sealed record DelayedEventEnded(string DelayId) : Change;
