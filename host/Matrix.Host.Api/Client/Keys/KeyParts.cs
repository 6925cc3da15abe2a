using Matrix.Host.Api.Client.CrossSigning;
using Matrix.Host.Api.Client.KeyBackup;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Keys;
using Matrix.Host.Rooms.ToDevice;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>The modules that end-to-end encryption consists of on a server.</summary>
internal static class KeyParts
{
    /// <summary>Adds keys, cross-signing, messages to devices and key backups.</summary>
    internal static IServiceCollection AddKeys(this IServiceCollection services) => services
        .AddSingleton<DeviceKeyUploads>()
        .AddSingleton<KeyQueries>()
        .AddSingleton<KeyClaims>()
        .AddSingleton<CrossSigningUploads>()
        .AddSingleton<SignatureUploads>()
        .AddSingleton<IToDeviceOutbox, NoOtherServers>()
        .AddSingleton(parts => new ToDeviceSender(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<TransactionLog>(),
            parts.GetRequiredService<ClientOptions>().ServerName,
            parts.GetRequiredService<IToDeviceOutbox>(),
            parts.GetRequiredService<KeyOptions>()))
        .AddSingleton<IEndpoints, UploadKeys>()
        .AddSingleton<IEndpoints, QueryKeys>()
        .AddSingleton<IEndpoints, ClaimKeys>()
        .AddSingleton<IEndpoints, KeyChanges>()
        .AddSingleton<IEndpoints, UploadSigningKeys>()
        .AddSingleton<IEndpoints, UploadSignatures>()
        .AddSingleton<IEndpoints, SendToDevice.SendToDevice>()
        .AddSingleton<IEndpoints, BackupVersions>()
        .AddSingleton<IEndpoints, BackupKeys>();
}
