using System.Formats.Cbor;
using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Rooms.Commands;

/// <summary>What a command to a room returned.</summary>
/// <param name="Failure">Why it failed; null if it did not.</param>
/// <param name="Value">The id of an event or a room, or another text that the kind of command says.</param>
/// <param name="Reasons">What became of received events, by id: empty if they were taken.</param>
internal sealed record RoomAnswer(
    RoomFailure? Failure, string Value, IReadOnlyList<KeyValuePair<string, string>> Reasons)
{
    /// <summary>The number of the form of answers.</summary>
    private const int Number = 1;

    /// <summary>The answer of a command that returns a text, or its failure.</summary>
    internal static RoomAnswer Of(RoomResult<string> result) =>
        result.IsOk ? new RoomAnswer(null, result.Value, []) : new RoomAnswer(result.Failure, "", []);

    /// <summary>The answer of a command that returns nothing but its failure.</summary>
    internal static RoomAnswer Of(RoomFailure? failure) => new(failure, "", []);

    /// <summary>The text, or the failure.</summary>
    internal RoomResult<string> ToResult() => Failure is { } failure ? failure : Value;

    /// <summary>Writes the answer. Kinds of failures have their names: other versions may have others.</summary>
    internal ReadOnlyMemory<byte> ToBytes()
    {
        var cbor = new CborWriter(CborConformanceMode.Strict, convertIndefiniteLengthEncodings: false);
        var to = new ChangeWriter(cbor);
        cbor.WriteStartArray(null);
        to.Int(Number).TextOrNull(Failure?.Kind.ToString()).TextOrNull(Failure?.Message)
            .TextOrNull(Failure?.RoomVersion).IntOrNull(Failure?.Refusal?.Status).TextOrNull(Failure?.Refusal?.Code)
            .Text(Value)
            .Items(Reasons, static (to, each) => to.Text(each.Key).Text(each.Value));
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads an answer; null if it is malformed, or of another version.</summary>
    internal static RoomAnswer? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Strict);
            var from = new ChangeReader(cbor);
            cbor.ReadStartArray();
            if (from.Int32() != Number) return null;
            var (kind, message, version) = (from.TextOrNull(), from.TextOrNull(), from.TextOrNull());
            var (status, code) = (from.Int32OrNull(), from.TextOrNull());
            var value = from.Text();
            var reasons = from.Items(static from => KeyValuePair.Create(from.Text(), from.Text()));
            cbor.ReadEndArray();
            if (cbor.BytesRemaining > 0) return null;
            if (kind is null) return new RoomAnswer(null, value, reasons);
            return new RoomAnswer(
                new RoomFailure(
                    Enum.TryParse(kind, out RoomFailureKind known) ? known : RoomFailureKind.BadState, message ?? "")
                {
                    RoomVersion = version,
                    Refusal = status is { } number && code is not null ? (number, code) : null,
                },
                value,
                reasons);
        }
#pragma warning disable CA1031 // Whatever the bytes are, they are no answer.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
