using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;

namespace Matrix.Host.Storage.Formats;

/// <summary>Writes the fields of changes, and of commands between shards, as CBOR.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The methods are named by what is in the bytes.")]
public sealed class ChangeWriter(CborWriter cbor)
{
    /// <summary>Writes a text.</summary>
    public ChangeWriter Text(string value)
    {
        cbor.WriteTextString(value);
        return this;
    }

    /// <summary>Writes a text, or null.</summary>
    public ChangeWriter TextOrNull(string? value)
    {
        if (value is null) cbor.WriteNull();
        else cbor.WriteTextString(value);
        return this;
    }

    /// <summary>Writes a number.</summary>
    public ChangeWriter Int(long value)
    {
        cbor.WriteInt64(value);
        return this;
    }

    /// <summary>Writes a number, or null.</summary>
    public ChangeWriter IntOrNull(long? value)
    {
        if (value is { } number) cbor.WriteInt64(number);
        else cbor.WriteNull();
        return this;
    }

    /// <summary>Writes whether something is so.</summary>
    public ChangeWriter Bool(bool value)
    {
        cbor.WriteBoolean(value);
        return this;
    }

    /// <summary>Writes bytes.</summary>
    public ChangeWriter Bytes(ReadOnlyMemory<byte> value)
    {
        cbor.WriteByteString(value.Span);
        return this;
    }

    /// <summary>Writes the number of a room.</summary>
    public ChangeWriter Room(RoomNid room) => Int(room.Value);

    /// <summary>Writes the number of a room, or null.</summary>
    public ChangeWriter RoomOrNull(RoomNid? room) => IntOrNull(room?.Value);

    /// <summary>Writes the number of an event.</summary>
    public ChangeWriter Nid(EventNid nid) => Int(nid.Value);

    /// <summary>Writes the number of an event, or null.</summary>
    public ChangeWriter NidOrNull(EventNid? nid) => IntOrNull(nid?.Value);

    /// <summary>Writes the parts of a room that never change.</summary>
    public ChangeWriter Identity(RoomIdentity room) => Room(room.Nid).Text(room.RoomId).Text(room.Rules.Id);

    /// <summary>Writes a list.</summary>
    /// <param name="items">The items.</param>
    /// <param name="write">Writes the fields of one.</param>
    public ChangeWriter Items<T>(IReadOnlyList<T> items, Action<ChangeWriter, T> write)
    {
        cbor.WriteStartArray(null);
        for (var i = 0; i < items.Count; i++) write(this, items[i]);
        cbor.WriteEndArray();
        return this;
    }
}
