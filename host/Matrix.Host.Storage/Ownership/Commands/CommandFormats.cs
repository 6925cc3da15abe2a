using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;
using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Ownership.Commands;

/// <summary>
/// A closed set of commands as bytes: an array of the number of the kind and its fields. A number is never given to
/// another kind, and a kind whose fields change gets another number, because nodes of two versions serve together.
/// Thread-safe once all kinds are added.
/// </summary>
/// <typeparam name="TCommand">What the commands have in common.</typeparam>
public sealed class CommandFormats<TCommand>
    where TCommand : class
{
    private readonly Dictionary<Type, (int Number, Action<ChangeWriter, TCommand> Write)> _byKind = [];
    private readonly Dictionary<int, Func<ChangeReader, TCommand>> _byNumber = [];

    /// <summary>The kinds.</summary>
    public IReadOnlyCollection<Type> Kinds => _byKind.Keys;

    /// <summary>Adds a kind.</summary>
    /// <param name="number">The number that stands for it.</param>
    /// <param name="write">Writes its fields.</param>
    /// <param name="read">Reads them in the same order.</param>
    public CommandFormats<TCommand> Add<TKind>(
        int number, Action<ChangeWriter, TKind> write, Func<ChangeReader, TKind> read)
        where TKind : TCommand
    {
        _byNumber.Add(number, from => read(from));
        _byKind.Add(typeof(TKind), (number, (to, command) => write(to, (TKind)command)));
        return this;
    }

    /// <summary>Writes a command.</summary>
    public ReadOnlyMemory<byte> Write(TCommand command)
    {
        var (number, write) = _byKind[command.GetType()];
        var cbor = new CborWriter(CborConformanceMode.Strict, convertIndefiniteLengthEncodings: false);
        cbor.WriteStartArray(null);
        cbor.WriteInt32(number);
        write(new ChangeWriter(cbor), command);
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads a command. False if the bytes are malformed, or a kind that this version does not know.</summary>
    public bool TryRead(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out TCommand? command)
    {
        command = null;
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Strict);
            cbor.ReadStartArray();
            if (!_byNumber.TryGetValue(cbor.ReadInt32(), out var read)) return false;
            var whole = read(new ChangeReader(cbor));
            cbor.ReadEndArray();
            if (cbor.BytesRemaining == 0) command = whole;
        }
#pragma warning disable CA1031 // Whatever the bytes are, they are at most a command that is refused.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }

        return command is not null;
    }
}
