using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users.Commands;

namespace Matrix.Host.Users.Profiles;

/// <summary>
/// Changes profiles, and notifies the rooms of a new display name or avatar. Another node may have the user.
/// v1.19 client-server-api#profiles
/// </summary>
public sealed class ProfileUpdates(
    IProfilesTable profilesTable,
    IStorageWriter writer,
    UserLocks locks,
    UserCommands commands,
    IAccountObserver observer)
{
    /// <summary>Whether rooms show a field: each change of it is an event in each room of the user.</summary>
    public static bool IsShownInRooms(string name) => ProfileFields.IsShownInRooms(name);

    /// <summary>
    /// Sets a field. An empty display name or avatar deletes it, as clients did before fields could be deleted.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="name">The field.</param>
    /// <param name="value">Its value; null if the request has none.</param>
    /// <returns>Null if the field is set.</returns>
    public async ValueTask<UserFailure?> SetAsync(string userId, string name, Json? value, CancellationToken stop)
    {
        if (ProfileFields.JudgeName(name) is { } wrongName) return wrongName;
        if (value is null) return new UserFailure(UserFailureKind.MissingParam, $"`{name}` is missing.");
        return await commands.RunAsync(
            userId,
            () => SetHereAsync(userId, name, value, stop),
            () => new SetProfileField(userId, name, value),
            stop);
    }

    /// <summary>Deletes a field. Null if the profile does not have it any more.</summary>
    public ValueTask<UserFailure?> DeleteAsync(string userId, string name, CancellationToken stop) =>
        commands.RunAsync(
            userId,
            () => DeleteHereAsync(userId, name, stop),
            () => new SetProfileField(userId, name, null),
            stop);

    /// <summary>Sets a field of a user who is here.</summary>
    internal async ValueTask<UserFailure?> SetHereAsync(
        string userId, string name, Json value, CancellationToken stop)
    {
        if (ProfileFields.JudgeName(name) is { } wrongName) return wrongName;
        if (ProfileFields.JudgeValue(name, value) is { } wrongValue) return wrongValue;

        return ProfileFields.IsShownInRooms(name) && value is Json.String { Item.Length: 0 }
            ? await DeleteHereAsync(userId, name, stop)
            : await PutAsync(userId, name, CanonicalJson.Bytes(value), stop);
    }

    /// <summary>Deletes a field of a user who is here.</summary>
    internal async ValueTask<UserFailure?> DeleteHereAsync(string userId, string name, CancellationToken stop)
    {
        if (ProfileFields.JudgeName(name) is { } wrong) return wrong;
        using (await locks.TakeAsync(userId, stop))
        {
            if (await profilesTable.FieldAsync(userId, name, stop) is null) return null;
            await WriteAsync(userId, new ProfileFieldDeleted(userId, name), stop);
        }

        await NotifyRoomsAsync(userId, name);
        return null;
    }

    private async ValueTask<UserFailure?> PutAsync(string userId, string name, byte[] value, CancellationToken stop)
    {
        using (await locks.TakeAsync(userId, stop))
        {
            var profile = await profilesTable.FindAsync(userId, stop);
            var others = profile.Where(field => field.Key != name).Sum(field => SizeOf(field.Key, field.Value.Length));
            if (SizeOf(name, value.Length) + others + 2 >= ProfileFields.WholeLimit)
            {
                return new UserFailure(
                    UserFailureKind.ProfileTooLarge, $"A profile has less than {ProfileFields.WholeLimit} bytes.");
            }

            if (profile.TryGetValue(name, out var before) && before.Span.SequenceEqual(value)) return null;
            await WriteAsync(userId, new ProfileFieldChanged(userId, name, value), stop);
        }

        await NotifyRoomsAsync(userId, name);
        return null;
    }

    private async ValueTask WriteAsync(string userId, Change change, CancellationToken stop) =>
        await writer.WriteAsync(new WriteBatch(Authority.User(userId), 1).Add(change), stop);

    // The change is durable: rooms must show it even if the client has gone.
    private ValueTask NotifyRoomsAsync(string userId, string name) => ProfileFields.IsShownInRooms(name)
        ? observer.ProfileChangedAsync(userId, CancellationToken.None)
        : ValueTask.CompletedTask;

    private static int SizeOf(string name, int value) => Encoding.UTF8.GetByteCount(name) + value + "\"\":,".Length;
}
