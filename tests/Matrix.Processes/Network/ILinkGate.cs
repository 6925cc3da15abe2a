namespace Matrix.Processes.Network;

/// <summary>Holds back a part of what one connection of a link carries. A link asks it before it sends.</summary>
public interface ILinkGate
{
    /// <summary>How many of the next bytes to the other side pass now. The link asks again for the others.</summary>
    int Pass(ReadOnlySpan<byte> bytes);

    /// <summary>Whether what the other side sends back is held.</summary>
    bool HoldsReplies { get; }
}
