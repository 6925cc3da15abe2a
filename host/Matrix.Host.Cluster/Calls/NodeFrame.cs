using System.Buffers.Binary;
using System.Text;
using Matrix.Core.Cluster;

namespace Matrix.Host.Cluster.Calls;

/// <summary>What a node sends with its name and incarnation before it.</summary>
internal static class NodeFrame
{
    /// <summary>A node's name has at most this many bytes.</summary>
    private const int MaxName = byte.MaxValue;

    /// <summary>The incarnation, the length of the name, the name, and what is sent.</summary>
    public static byte[] Of(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        var name = Encoding.UTF8.GetByteCount(from.Node);
        if (name > MaxName) throw new ArgumentException("The node's name is too long.", nameof(from));
        var framed = new byte[sizeof(long) + 1 + name + body.Length];
        BinaryPrimitives.WriteInt64LittleEndian(framed, from.Incarnation);
        framed[sizeof(long)] = (byte)name;
        Encoding.UTF8.GetBytes(from.Node, framed.AsSpan(sizeof(long) + 1));
        body.CopyTo(framed.AsMemory(sizeof(long) + 1 + name));
        return framed;
    }

    /// <summary>Reads it. False if it is malformed.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> framed, out NodeIncarnation from, out ReadOnlyMemory<byte> body)
    {
        (from, body) = (null!, default);
        if (framed.Length < sizeof(long) + 1) return false;
        var name = framed.Span[sizeof(long)];
        if (framed.Length < sizeof(long) + 1 + name) return false;
        from = new NodeIncarnation(
            Encoding.UTF8.GetString(framed.Span.Slice(sizeof(long) + 1, name)),
            BinaryPrimitives.ReadInt64LittleEndian(framed.Span));
        body = framed[(sizeof(long) + 1 + name)..];
        return true;
    }
}
