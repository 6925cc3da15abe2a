using System.Security.Cryptography;
using System.Text;
using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>A digest of which source it is, up to where it has come, and what was chosen.</summary>
internal static class Fingerprint
{
    /// <summary>The digest: of a source that has written since, or other choices, it is another one.</summary>
    public static string Of(
        SynapseSource source, StreamNumbers numbers, string serverName, ImportChoices choices, SourceSettings settings)
    {
        var text = new StringBuilder()
            .Append(serverName).Append('\n').Append(source.SchemaVersion).Append('\n')
            .Append(numbers.ToText()).Append('\n').Append(choices.Text).Append('\n')
            .Append(settings.HasPasswords).Append(settings.NoticesUser).Append(settings.FederationSenders)
            .Append(settings.NeedsApproval).Append(settings.HasMailPushers).Append('\n')
            .AppendJoin(',', settings.AppServices).Append('\n')
            .AppendJoin(',', settings.IdentityProviders.OrderBy(static pair => pair.Key, StringComparer.Ordinal));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
