using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Formats;

/// <summary>Why a flush cannot be read. Consumers miss it then.</summary>
internal enum UnreadableFlush
{
    /// <summary>It can be read.</summary>
    None,

    /// <summary>It has another format: a node of another version wrote it.</summary>
    UnknownFormat,

    /// <summary>It has a kind of change that this version does not know.</summary>
    UnknownKind,

    /// <summary>Bytes are missing, wrong or left over.</summary>
    Damaged,
}

/// <summary>
/// The changes of a flush as bytes, for the consumers of other nodes. They are in CBOR: an array of the format's number
/// and the batches; a batch is an array of its position and its changes, the preconditions first; a change is an array
/// of the number of its kind and its fields.
/// </summary>
/// <param name="formats">The kinds of changes that are written; others are left out.</param>
internal sealed class FlushFormat(ChangeFormats formats)
{
    /// <summary>The number of the format of a flush. A change of a kind's fields takes another number too.</summary>
    internal const int Number = 1;

    /// <summary>The bytes that are kept for the next flush. A larger flush has bytes of its own.</summary>
    private const int Kept = 256 * 1024;

    private readonly Output _output = new(Kept);

    /// <summary>
    /// Writes durable batches; one that was refused has position 0 and is left out. The bytes are valid until the next
    /// call. One thread at a time.
    /// </summary>
    public ReadOnlyMemory<byte> Write(IReadOnlyList<WriteBatch> batches)
    {
        var expected = 0L;
        for (var i = 0; i < batches.Count; i++) expected += batches[i].Weight;
        var output = expected < Kept ? _output : new Output((int)Math.Min(expected, Array.MaxLength));
        var cbor = output.Cbor;
        cbor.Reset();
        cbor.WriteStartArray(null);
        cbor.WriteInt32(Number);
        for (var i = 0; i < batches.Count; i++)
        {
            var batch = batches[i];
            if (batch.Position == 0) continue;
            cbor.WriteStartArray(null);
            cbor.WriteInt64(batch.Position);
            for (var at = 0; at < batch.Preconditions.Count; at++) Write(output, batch.Preconditions[at]);
            for (var at = 0; at < batch.Changes.Count; at++)
            {
                if (batch.Changes[at] is not ConditionalChange { Applied: false }) Write(output, batch.Changes[at]);
            }

            cbor.WriteEndArray();
        }

        cbor.WriteEndArray();
        return output.Encode();
    }

    /// <summary>Reads the batches of a flush, as a <see cref="CommitDispatcher"/> takes them.</summary>
    /// <param name="bytes">The bytes, which are not kept.</param>
    /// <param name="batches">The batches, with their positions. The preconditions are among the changes.</param>
    /// <param name="failure">Why there are none.</param>
    public bool TryRead(
        ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out List<WriteBatch>? batches, out UnreadableFlush failure)
    {
        batches = null;
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Strict);
            cbor.ReadStartArray();
            failure = cbor.ReadInt32() == Number ? UnreadableFlush.None : UnreadableFlush.UnknownFormat;
            if (failure != UnreadableFlush.None) return false;
            var read = new List<WriteBatch>();
            var reader = new ChangeReader(cbor);
            while (cbor.PeekState() != CborReaderState.EndArray)
            {
                failure = Read(cbor, reader, out var batch);
                if (failure != UnreadableFlush.None) return false;
                read.Add(batch);
            }

            cbor.ReadEndArray();
            if (cbor.BytesRemaining > 0) failure = UnreadableFlush.Damaged;
            else batches = read;
        }
#pragma warning disable CA1031 // Whatever the bytes are, they are at most a flush that consumers miss.
        catch (Exception)
#pragma warning restore CA1031
        {
            failure = UnreadableFlush.Damaged;
        }

        return batches is not null;
    }

    private void Write(Output output, Change change)
    {
        if (formats.Find(change) is not { } format) return;
        output.Cbor.WriteStartArray(null);
        output.Cbor.WriteInt32(format.Number);
        format.Write(output.Changes, change);
        output.Cbor.WriteEndArray();
    }

    private UnreadableFlush Read(CborReader cbor, ChangeReader reader, out WriteBatch batch)
    {
        batch = new WriteBatch(Authority.Nobody);
        cbor.ReadStartArray();
        batch.Position = cbor.ReadInt64();
        while (cbor.PeekState() != CborReaderState.EndArray)
        {
            cbor.ReadStartArray();
            if (formats.Find(cbor.ReadInt32()) is not { } format) return UnreadableFlush.UnknownKind;
            batch.Add(format.Read(reader));
            cbor.ReadEndArray();
        }

        cbor.ReadEndArray();
        batch.Durable();
        return UnreadableFlush.None;
    }

    /// <summary>A writer, and the bytes that it made last.</summary>
    private sealed class Output
    {
        private byte[] _bytes = [];

        internal Output(int capacity)
        {
            Cbor = new CborWriter(CborConformanceMode.Lax, initialCapacity: capacity);
            Changes = new ChangeWriter(Cbor);
        }

        internal CborWriter Cbor { get; }

        internal ChangeWriter Changes { get; }

        internal ReadOnlyMemory<byte> Encode()
        {
            if (_bytes.Length < Cbor.BytesWritten) _bytes = new byte[Cbor.BytesWritten];
            return _bytes.AsMemory(0, Cbor.Encode(_bytes));
        }
    }
}
