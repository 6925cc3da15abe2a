using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>Refuses text that either database cannot store.</summary>
internal static class TextCheck
{
    public static string Storable(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            throw new StorageException(StorageFailure.Rejected, "Text must not contain NUL.");
        }

        return HasLoneSurrogate(text)
            ? throw new StorageException(StorageFailure.Rejected, "Text must not contain lone surrogates.")
            : text;
    }

    private static bool HasLoneSurrogate(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return false;
        }

        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return true;
            }
        }

        return false;
    }
}
