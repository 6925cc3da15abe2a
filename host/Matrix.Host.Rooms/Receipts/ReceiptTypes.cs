namespace Matrix.Host.Rooms.Receipts;

/// <summary>The types of receipts. Client-Server API, "Receipts", "Read and unread markers".</summary>
public static class ReceiptTypes
{
    /// <summary>Read, and everyone in the room may know.</summary>
    public const string Read = "m.read";

    /// <summary>Read, and nobody else may know.</summary>
    public const string ReadPrivate = "m.read.private";

    /// <summary>Fully read: no receipt, but account data of the user in the room.</summary>
    public const string FullyRead = "m.fully_read";

    /// <summary>The thread id of the main timeline.</summary>
    public const string MainThread = "main";
}
