using System.Security.Cryptography;

namespace Matrix.Durability.Kill;

/// <summary>What a kill leaves of uploads: those that were acknowledged, whole, and no half ones.</summary>
/// <param name="folder">The server's folder of media.</param>
internal sealed class Uploads(string folder)
{
    private readonly HashSet<string> _checked = [];

    /// <summary>What is missing or damaged after the server started again.</summary>
    public IEnumerable<string> Problems(SendingClient client)
    {
        foreach (var kept in client.Kept)
        {
            var path = "/_matrix/client/v1/media/download/" + kept.EventId["mxc://".Length..];
            if (client.Connection.Get(path) != 200)
            {
                yield return $"{kept.EventId} was acknowledged and is missing: {client.Connection.BodyText}";
            }
            else if (!client.Connection.Body.SequenceEqual(kept.Request.Body))
            {
                yield return $"{kept.EventId} has {client.Connection.Body.Length} bytes that were not uploaded so";
            }
        }

        foreach (var file in Directory.EnumerateFiles(Path.Combine(folder, "incoming")))
        {
            yield return $"{file} is a part of an upload";
        }

        var files = Path.Combine(folder, "files");
        foreach (var file in Directory.EnumerateFiles(files, "*", SearchOption.AllDirectories).Where(_checked.Add))
        {
            var name = Path.GetRelativePath(files, file).Replace(Path.DirectorySeparatorChar.ToString(), "");
            var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

            // After the hash, a name has what makes it one that was never used.
            if (hash != name.Split('-')[0]) yield return $"{name} has the content of {hash}";
        }
    }
}
