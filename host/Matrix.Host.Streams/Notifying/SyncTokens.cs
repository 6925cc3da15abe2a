using System.Diagnostics.CodeAnalysis;
using Matrix.Core.Sync;
using Matrix.Host.Storage.Tables.Imports;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Reads tokens: those of this server, and those of the server from which its database was imported.
/// </summary>
public sealed class SyncTokens(ImportedPositions imported)
{
    /// <summary>Reads a token of sync; false for anything else.</summary>
    public bool TryParse(string text, out SyncToken token)
    {
        if (SyncToken.TryParse(text, out token)) return true;
        if (!TryImported(text, out var theirs) || theirs.Depth is not null || theirs.Events.Least < 0) return false;
        token = SyncToken.Of(theirs);
        return true;
    }

    /// <summary>
    /// Reads a token of the imported server, of sync or of a page. False if there is none, or if a number in it is
    /// greater than any that the server gave: it may be a token from after the import, when it was started again.
    /// </summary>
    public bool TryImported(string text, [NotNullWhen(true)] out ImportedToken? token)
    {
        token = null;
        if (imported.Last == 0 || !ImportedToken.TryParse(text, out var read) || !imported.Has(read.Greatest))
        {
            return false;
        }

        token = read;
        return true;
    }
}
