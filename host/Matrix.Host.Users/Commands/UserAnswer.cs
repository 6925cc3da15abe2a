using System.Formats.Cbor;
using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Users.Commands;

/// <summary>What a command to a user returned.</summary>
/// <param name="Failure">Why it failed; null if it did not.</param>
/// <param name="Value">A text that the kind of command says.</param>
internal sealed record UserAnswer(UserFailure? Failure, string Value = "")
{
    /// <summary>The number of the form of answers.</summary>
    private const int Number = 1;

    /// <summary>Writes the answer. Kinds of failures have their names: other versions may have others.</summary>
    internal ReadOnlyMemory<byte> ToBytes()
    {
        var cbor = new CborWriter(CborConformanceMode.Strict);
        cbor.WriteStartArray(4);
        new ChangeWriter(cbor).Int(Number)
            .TextOrNull(Failure?.Kind.ToString()).TextOrNull(Failure?.Message).Text(Value);
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads an answer; null if it is malformed, or of another version.</summary>
    internal static UserAnswer? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Strict);
            var from = new ChangeReader(cbor);
            cbor.ReadStartArray();
            if (from.Int32() != Number) return null;
            var (kind, message, value) = (from.TextOrNull(), from.TextOrNull(), from.Text());
            cbor.ReadEndArray();
            if (cbor.BytesRemaining > 0) return null;
            if (kind is null) return new UserAnswer(null, value);
            var known = Enum.TryParse(kind, out UserFailureKind read) ? read : UserFailureKind.Outdated;
            return new UserAnswer(new UserFailure(known, message ?? ""), value);
        }
#pragma warning disable CA1031 // Whatever the bytes are, they are no answer.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
