using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Commands;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.CommandRunners;

/// <summary>Carries out the commands of other nodes for users of this one, by the code that does it for this node.
/// </summary>
internal sealed class UserCommandRunner(
    ReplacedRooms rooms,
    Deactivation deactivation,
    ProfileUpdates profiles,
    AccountIdentifiers identifiers,
    CrossSigningResets resets)
{
    /// <summary>Carries out a command whose user's shard is open here.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> RunAsync(UserCommand command, CancellationToken stop)
    {
        var answer = command switch
        {
            CopyRoomSettings it => await rooms.CopyHereAsync(it.UserId, it.OldRoomId, it.NewRoomId, stop),
            EndAccount it => await deactivation.EndHereAsync(
                it.UserId, it.Erase, it.Condition, it.IdentityServer, stop),
            SetProfileField { Value: null } it => new UserAnswer(
                await profiles.DeleteHereAsync(it.UserId, it.Name, stop)),
            SetProfileField it => new UserAnswer(await profiles.SetHereAsync(it.UserId, it.Name, it.Value, stop)),
            AddIdentifier it => new UserAnswer(await identifiers.AddHereAsync(it, stop)),
            RemoveIdentifier it => await identifiers.RemoveHereAsync(
                it.UserId, IdOf(it.Id), it.Condition, stop),
            SetIdentifiers it => new UserAnswer(
                await identifiers.SetHereAsync(it.UserId, [.. it.Ids.Select(IdOf)], it.Record, stop)),
            AllowKeyReset it => Allow(it),
            _ => throw new InvalidOperationException($"Nothing carries out {command.GetType().Name}."),
        };
        return answer.ToBytes();
    }

    private UserAnswer Allow(AllowKeyReset command)
    {
        resets.Allow(command.UserId);
        return new UserAnswer(Failure: null);
    }

    private static ThirdPartyId IdOf(IdentifierText text) => ThirdPartyId.Read(text.Medium, text.Address)
        ?? throw new InvalidDataException("A command has a malformed identifier.");
}
