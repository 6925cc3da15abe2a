using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>
/// Matrix Authentication Service: it has the sessions, passwords and mail addresses that are not in Synapse's database.
/// </summary>
/// <param name="Setting">The setting by which it is on.</param>
/// <param name="EndPoint">Its address; empty if the configuration does not have it.</param>
public sealed record DelegatedAuthentication(string Setting, string EndPoint)
{
    /// <summary>Null if Synapse authenticates its users itself.</summary>
    internal static DelegatedAuthentication? Read(SettingMap root)
    {
        const string stable = "matrix_authentication_service";
        var service = root.Map(stable);
        if (service.Flag("enabled", false)) return new(stable, service.Text("endpoint") ?? "http://localhost:8080/");
        var unstable = root.Map("experimental_features").Map("msc3861");
        return unstable.Flag("enabled", false) ? new(unstable.Path, unstable.Text("issuer") ?? "") : null;
    }
}
