using System.Buffers.Binary;
using System.Text;

namespace Matrix.ClusterNodes.Flushes;

/// <summary>
/// Follows what a client sends to PostgreSQL on an unencrypted connection: messages of a type octet and a length. The
/// first one has no type.
/// </summary>
internal sealed class FrontendMessages
{
    private const int LengthOctets = 4;

    /// <summary>The names and the first words of a statement are within these octets.</summary>
    private const int MostKept = 128;

    /// <summary>The codes of the requests for encryption, after which the first message comes again.</summary>
    private static readonly int[] _encryption = [80877103, 80877104];

    private readonly byte[] _body = new byte[MostKept];
    private readonly Dictionary<string, string> _statements = [];
    private bool _hasStarted;
    private int _length;
    private int _octets;

    /// <summary>The type of the message that has begun; 0 between messages.</summary>
    public byte Type { get; private set; }

    /// <summary>Whether the next octet is the type of a message.</summary>
    public bool IsBetween => _hasStarted && Type == 0;

    /// <summary>Whether half of a message's body has come.</summary>
    public bool IsHalf => _octets > LengthOctets && _octets - LengthOctets >= (_length - LengthOctets) / 2;

    /// <summary>The first words of the statement that was bound last: what is executed next.</summary>
    public string Bound { get; private set; } = "";

    /// <summary>Takes the next octet.</summary>
    /// <returns>The type of the message that is complete now; 0 for none.</returns>
    public byte Take(byte octet)
    {
        if (IsBetween)
        {
            Type = octet;
            return 0;
        }

        if (_octets < LengthOctets) _length = (_length << 8) | octet;
        else if (_octets - LengthOctets < MostKept) _body[_octets - LengthOctets] = octet;
        _octets++;
        if (_octets < LengthOctets || _octets < _length) return 0;

        var ended = Type;
        End();
        (Type, _length, _octets) = (0, 0, 0);
        return ended;
    }

    private void End()
    {
        var rest = _body.AsSpan(0, Math.Min(_length - LengthOctets, MostKept));
        switch (Type)
        {
            case 0:
                _hasStarted = !_encryption.Contains(BinaryPrimitives.ReadInt32BigEndian(rest));
                break;
            case (byte)'P':
                var name = Text(ref rest);
                _statements[name] = Text(ref rest);
                break;
            case (byte)'B':
                _ = Text(ref rest);
                Bound = _statements.GetValueOrDefault(Text(ref rest)) ?? "";
                break;
        }
    }

    /// <summary>Takes a text off that ends with 0, or with what was kept.</summary>
    private static string Text(ref Span<byte> rest)
    {
        var end = rest.IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
        rest = end < 0 ? [] : rest[(end + 1)..];
        return text;
    }
}
