using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Checks that bodies with keys share.</summary>
internal static class KeyBodies
{
    /// <summary>All members must be strings.</summary>
    internal static void CheckTexts(BodyReader json)
    {
        foreach (var name in json.Names()) json.Text(name);
    }

    /// <summary>Checks signatures, by user and key id.</summary>
    internal static void CheckSignatures(BodyReader signatures)
    {
        foreach (var (_, ofUser) in signatures.Members()) CheckTexts(ofUser);
    }
}
