namespace Matrix.Host.Api.Http;

/// <summary>The server that a page names.</summary>
/// <param name="Name">Its name; empty for none.</param>
/// <param name="Home">The path of its first page.</param>
public sealed record PageServer(string Name, string Home)
{
    /// <summary>For pages that are sent without a server.</summary>
    internal static PageServer Nameless { get; } = new("", "/");
}

/// <summary>What people see who open an address for apps in a browser.</summary>
public interface IBrowserPages
{
    /// <summary>The server that pages name.</summary>
    PageServer Server { get; }

    /// <summary>A standard error, in words.</summary>
    Answer InWords(Answer error);

    /// <summary>The page in place of one that is for browsers on the server's machine.</summary>
    Answer ElsewhereOnly { get; }
}
