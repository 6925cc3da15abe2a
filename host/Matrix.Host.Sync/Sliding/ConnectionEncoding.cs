using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// The stored form of a connection. Members that were loaded lazily are left out: they are sent again, as a client
/// expects that.
/// </summary>
internal static class ConnectionEncoding
{
    private const byte Form = 5;

    /// <summary>The form before, which has the positions of three extensions, and no names.</summary>
    private const byte FormOfThree = 4;

    private static readonly string[] _three =
    [
        AccountDataExtension.UsualName, ToDeviceExtension.UsualName, ThreadSubscriptionsExtension.StableName,
    ];

    /// <summary>The form of a connection, as of its last response.</summary>
    public static byte[] Write(SlidingConnection connection)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Form);
        var states = new Dictionary<string, int>(StringComparer.Ordinal);
        IEnumerable<SentRoom> pendingRooms = connection.Pending is { } last ? last.Rooms.Values : [];
        var all = connection.State.Rooms.Values.Concat(pendingRooms);
        foreach (var room in all) states.TryAdd(room.RequiredState.Text, states.Count);
        writer.Write(states.Count);
        foreach (var text in states.Keys) writer.Write(text);

        var state = connection.State;
        Write(
            writer, states, state.Pos, state.Rooms, state.Lists,
            (state.Settings, state.Positions, state.IsCut));
        writer.Write(connection.Pending is not null);
        if (connection.Pending is { } pending)
        {
            Write(
                writer, states, pending.Pos, pending.Rooms, pending.Lists,
                (pending.Settings, pending.Positions, pending.IsCut));
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads a connection; null if another version of the server wrote it.</summary>
    public static SlidingConnection? Read(UserDevice owner, string name, ReadOnlyMemory<byte> bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray()));
        try
        {
            var form = reader.ReadByte();
            if (form is not (Form or FormOfThree)) return null;
            var states = new RequiredState[reader.ReadInt32()];
            for (var i = 0; i < states.Length; i++) states[i] = RequiredState.OfText(reader.ReadString());

            var connection = new SlidingConnection(owner, name);
            if (ReadAnswer(reader, form, states) is { } state) connection.State.Apply(state);
            if (reader.ReadBoolean()) connection.Pending = ReadAnswer(reader, form, states);
            return connection;
        }
        catch (Exception fault) when (fault is IOException or FormatException or OverflowException)
        {
            return null;
        }
    }

    private static void Write(
        BinaryWriter writer,
        Dictionary<string, int> states,
        SlidingPos? pos,
        Dictionary<string, SentRoom> rooms,
        Dictionary<string, SentList> lists,
        (string Settings, Dictionary<string, long> Positions, bool IsCut) more)
    {
        writer.Write(pos?.ToString() ?? "");
        writer.Write(rooms.Count);
        foreach (var (roomId, room) in rooms)
        {
            writer.Write(roomId);
            writer.Write(room.LastNid.Value);
            writer.Write7BitEncodedInt(room.Step);
            writer.Write((byte)room.Membership);
            writer.Write7BitEncodedInt64(room.Since);
            writer.Write(room.IsFull);
            writer.Write7BitEncodedInt(room.TimelineLimit);
            writer.Write7BitEncodedInt(states[room.RequiredState.Text]);
            writer.Write(room.IsDirect);
            writer.Write7BitEncodedInt(room.Notifications);
            writer.Write7BitEncodedInt(room.Highlights);
            writer.Write7BitEncodedInt64(room.Counted);
            writer.Write7BitEncodedInt64(room.Receipts);
            writer.Write7BitEncodedInt64(room.AccountData);
            writer.Write(room.Typing);
        }

        // The versions of lists are of this process.
        writer.Write(lists.Count);
        foreach (var (name, list) in lists)
        {
            writer.Write(name);
            writer.Write(list.Hash);
        }

        writer.Write(more.Settings);
        writer.Write7BitEncodedInt(more.Positions.Count);
        foreach (var (name, position) in more.Positions)
        {
            writer.Write(name);
            writer.Write7BitEncodedInt64(position);
        }

        writer.Write(more.IsCut);
    }

    private static PendingAnswer? ReadAnswer(BinaryReader reader, byte form, RequiredState[] states)
    {
        var isOne = SlidingPos.TryParse(reader.ReadString(), out var pos);
        var answer = new PendingAnswer { Pos = pos, Positions = new(StringComparer.Ordinal) };
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            answer.Rooms[reader.ReadString()] = new SentRoom
            {
                LastNid = new EventNid(reader.ReadInt64()),
                Step = reader.Read7BitEncodedInt(),
                Membership = (Membership)reader.ReadByte(),
                Since = reader.Read7BitEncodedInt64(),
                IsFull = reader.ReadBoolean(),
                TimelineLimit = reader.Read7BitEncodedInt(),
                RequiredState = states[reader.Read7BitEncodedInt()],
                IsDirect = reader.ReadBoolean(),
                Notifications = reader.Read7BitEncodedInt(),
                Highlights = reader.Read7BitEncodedInt(),
                Counted = reader.Read7BitEncodedInt64(),
                Receipts = reader.Read7BitEncodedInt64(),
                AccountData = reader.Read7BitEncodedInt64(),
                Typing = reader.ReadInt64(),
            };
        }

        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            answer.Lists[reader.ReadString()] = new SentList(reader.ReadString(), Version: 0);
        }

        answer.Settings = reader.ReadString();
        if (form == FormOfThree)
        {
            foreach (var name in _three) answer.Positions[name] = reader.Read7BitEncodedInt64();
        }
        else
        {
            for (var left = reader.Read7BitEncodedInt(); left > 0; left--)
            {
                answer.Positions[reader.ReadString()] = reader.Read7BitEncodedInt64();
            }
        }

        answer.IsCut = reader.ReadBoolean();
        return isOne ? answer : null;
    }
}
