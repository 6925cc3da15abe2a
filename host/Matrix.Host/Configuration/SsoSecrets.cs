using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Configuration;

/// <summary>Reads the files with the client secrets of identity providers.</summary>
internal static class SsoSecrets
{
    /// <summary>The providers with their secrets, and what could not be read.</summary>
    /// <param name="folder">The folder of the configuration file, from which relative paths start.</param>
    internal static (IReadOnlyList<SsoProvider> Providers, IReadOnlyList<(string Setting, string Message)> Mistakes)
        Read(IReadOnlyList<SsoProvider> providers, string folder)
    {
        var read = new List<SsoProvider>(providers.Count);
        var mistakes = new List<(string, string)>();
        foreach (var provider in providers)
        {
            if (provider.ClientSecretFile.Length == 0)
            {
                read.Add(provider);
                continue;
            }

            try
            {
                var secret = File.ReadAllText(Path.GetFullPath(provider.ClientSecretFile, folder)).Trim();
                read.Add(provider with { ClientSecret = secret });
            }
            catch (Exception missing) when (
                missing is IOException or UnauthorizedAccessException or ArgumentException)
            {
                mistakes.Add(("sso.providers", $"`sso.providers`: the secret of {provider.Id}: {missing.Message}"));
            }
        }

        return (read, mistakes);
    }
}
