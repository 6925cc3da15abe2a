using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;
using Matrix.Core.Facade;

namespace Matrix.Host.Storage.Formats;

/// <summary>
/// Reads what <see cref="ChangeWriter"/> wrote; throws if the bytes are anything else. What it allocates is bounded by
/// the bytes that are there.
/// </summary>
[SuppressMessage("Naming", "CA1720", Justification = "The methods are named by what is in the bytes.")]
public sealed class ChangeReader(CborReader cbor)
{
    private RoomIdentity? _room;

    /// <summary>Reads a text.</summary>
    public string Text() => cbor.ReadTextString();

    /// <summary>Reads a text, or null.</summary>
    public string? TextOrNull() => TakesNull() ? null : Text();

    /// <summary>Reads a number.</summary>
    public long Int() => cbor.ReadInt64();

    /// <summary>Reads a number, or null.</summary>
    public long? IntOrNull() => TakesNull() ? null : Int();

    /// <summary>Reads a number of 32 bits.</summary>
    public int Int32() => cbor.ReadInt32();

    /// <summary>Reads a number of 32 bits, or null.</summary>
    public int? Int32OrNull() => TakesNull() ? null : Int32();

    /// <summary>Reads a number of 32 bits without a sign.</summary>
    public uint UInt32() => cbor.ReadUInt32();

    /// <summary>Reads whether something is so.</summary>
    public bool Bool() => cbor.ReadBoolean();

    /// <summary>Reads bytes, into an array of their own: a cache that keeps them keeps nothing else.</summary>
    public byte[] Bytes() => cbor.ReadByteString();

    /// <summary>Reads the number of a room.</summary>
    public RoomNid Room() => new(Int32());

    /// <summary>Reads the number of a room, or null.</summary>
    public RoomNid? RoomOrNull() => TakesNull() ? null : Room();

    /// <summary>Reads the number of an event.</summary>
    public EventNid Nid() => new(Int());

    /// <summary>Reads the number of an event, or null.</summary>
    public EventNid? NidOrNull() => TakesNull() ? null : Nid();

    /// <summary>Reads the parts of a room that never change.</summary>
    public RoomIdentity Identity()
    {
        var (nid, roomId, version) = (Room(), Text(), Text());

        // The changes of a batch are mostly of one room, which the events in caches share.
        if (_room is { } last && last.Nid == nid && last.RoomId == roomId && last.Rules.Id == version) return last;
        return _room = new RoomIdentity(
            nid,
            roomId,
            RoomRules.FindUnstable(version)
                ?? throw new InvalidDataException($"Room {roomId} has the unknown version {version}."));
    }

    /// <summary>Reads a list.</summary>
    /// <param name="read">Reads the fields of one item, of which there is at least one.</param>
    public List<T> Items<T>(Func<ChangeReader, T> read)
    {
        var items = new List<T>();
        cbor.ReadStartArray();
        while (cbor.PeekState() != CborReaderState.EndArray) items.Add(read(this));
        cbor.ReadEndArray();
        return items;
    }

    private bool TakesNull()
    {
        if (cbor.PeekState() != CborReaderState.Null) return false;
        cbor.ReadNull();
        return true;
    }
}
