using System.Text;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Guests;

namespace Matrix.Host.Users.Commands;

/// <summary>Carries out the commands of other nodes for users of this one, by the code that does it for this node.
/// </summary>
internal sealed class UserCommandRunner(ReplacedRooms rooms, UnusedGuests guests)
{
    /// <summary>Carries out a command whose user's shard is open here.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> RunAsync(UserCommand command, CancellationToken stop)
    {
        var answer = command switch
        {
            CopyRoomSettings it => await rooms.CopyHereAsync(it.UserId, it.OldRoomId, it.NewRoomId, stop),
            EndGuest it => await guests.EndHereAsync(it.UserId, it.Since, stop),
            _ => throw new InvalidOperationException($"Nothing carries out {command.GetType().Name}."),
        };
        return Encoding.UTF8.GetBytes(answer);
    }
}
