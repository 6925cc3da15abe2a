using System.Formats.Cbor;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership.Commands;

/// <summary>How a command ended at the node that has the shard. Numbers keep their meaning.</summary>
internal enum CommandOutcome
{
    /// <summary>It was carried out. What it returned, a failure of its own included, is in the body.</summary>
    Done = 1,

    /// <summary>The storage failed there.</summary>
    Faulted = 2,

    /// <summary>That node cannot read the command: it has another version, or the bytes are malformed.</summary>
    Unreadable = 3,
}

/// <summary>The reply to a command, as bytes: outcome, body, name of the storage's failure, message.</summary>
internal sealed record CommandReply(
    CommandOutcome Outcome, ReadOnlyMemory<byte> Body, StorageFailure Failure, string Message)
{
    /// <summary>The reply to bytes that are no command of this version.</summary>
    internal static CommandReply Unreadable { get; } =
        new(CommandOutcome.Unreadable, ReadOnlyMemory<byte>.Empty, default, "");

    internal static CommandReply Done(ReadOnlyMemory<byte> body) => new(CommandOutcome.Done, body, default, "");

    internal static CommandReply Faulted(StorageFailure failure, string message) =>
        new(CommandOutcome.Faulted, ReadOnlyMemory<byte>.Empty, failure, message);

    internal ReadOnlyMemory<byte> ToBytes()
    {
        var cbor = new CborWriter(CborConformanceMode.Strict);
        cbor.WriteStartArray(4);
        cbor.WriteInt32((int)Outcome);
        cbor.WriteByteString(Body.Span);
        cbor.WriteTextString(Failure.ToString());
        cbor.WriteTextString(Message);
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads a reply; one that is malformed counts as unreadable.</summary>
    internal static CommandReply Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Strict);
            cbor.ReadStartArray();
            var outcome = (CommandOutcome)cbor.ReadInt32();
            var body = cbor.ReadByteString();

            // A later version may have failures that this one does not know.
            if (!Enum.TryParse(cbor.ReadTextString(), out StorageFailure failure)) failure = StorageFailure.Unavailable;
            var message = cbor.ReadTextString();
            cbor.ReadEndArray();
            return outcome is CommandOutcome.Done or CommandOutcome.Faulted && cbor.BytesRemaining == 0
                ? new CommandReply(outcome, body, failure, message)
                : Unreadable;
        }
#pragma warning disable CA1031 // Whatever the bytes are, they are no answer.
        catch (Exception)
#pragma warning restore CA1031
        {
            return Unreadable;
        }
    }
}
