#!/usr/bin/perl
# Slow links in user space: makes a TUN device for each end, and carries IPv4 packets between them with a delay, jitter and loss.
# For kernels without netem; needs only perl-base. Ends when its input does, and the devices with it (tuntap: they are not kept).
#
#   perl slow-links.pl DELAY_MS JITTER_MS LOSS SEED DEVICE=IP...
#
# One way, a packet takes DELAY_MS ± JITTER_MS (uniform), and is lost with the probability LOSS. Packets from one end to another
# keep their order, as on real paths: a late one holds up those behind it. Each such path draws from a generator of its own,
# seeded by SEED. Says "ready" once the devices exist. Understands, line by line: "down IP" and "up IP" (nothing to or from that
# end passes; what is under way is lost), and "counts", which answers "counts CARRIED LOST FULL".
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(O_RDWR O_NONBLOCK);
use POSIX ();

# linux/if_tun.h: TUNSETIFF, and a plain IP packet a read (IFF_TUN | IFF_NO_PI).
use constant { TUNSETIFF => 0x400454ca, TUN_PLAIN => 0x1001 };
use constant CLOCK_MONOTONIC => 1;
# Packets on one path at a time, about 1.5 MB: the queue of a router in the way; what comes beyond is dropped at its end.
use constant QUEUE_MAX => 1_000;
# Packets read from one end before the others have their turn.
use constant BURST => 32;
# The longest packet a device may be set to carry, and the longest command.
use constant { PACKET_MAX => 65_535, LINE_MAX => 256 };

# perl-base brings no finer clock than seconds, so the system is asked itself: clock_gettime by its number (asm/unistd.h).
my %clock_gettime = (x86_64 => 228, aarch64 => 113);
my $machine = (POSIX::uname())[4];
my $gettime = $clock_gettime{$machine} // die "slow links: the number of clock_gettime is not known for $machine\n";

sub now_ms {
    my $room = "\0" x 16;
    syscall($gettime, CLOCK_MONOTONIC, $room) == 0 or die "slow links: clock_gettime: $!\n";
    my ($seconds, $nanos) = unpack "qq", $room;
    return $seconds * 1_000 + $nanos / 1e6;
}

my ($delay_ms, $jitter_ms, $loss, $seed, @named) = @ARGV;
die "usage: slow-links.pl DELAY_MS JITTER_MS LOSS SEED DEVICE=IP...\n" unless @named;

sub open_end {
    my ($device, $ip) = split /=/, shift;
    sysopen(my $tun, "/dev/net/tun", O_RDWR | O_NONBLOCK) or die "slow links: /dev/net/tun: $!\n";
    ioctl($tun, TUNSETIFF, pack("a16 s x22", $device, TUN_PLAIN)) or die "slow links: TUNSETIFF $device: $!\n";
    return { tun => $tun, ip => $ip, up => 1 };
}

my @ends = map { open_end($_) } @named;
my %end_of = map { pack("C4", split /\./, $_->{ip}) => $_ } @ends;
my (%paths, %busy, %count);
@count{qw(carried lost full)} = (0, 0, 0);

# One direction between two ends. `last_ms`: when the packet before leaves it.
sub path_between {
    my ($from, $to) = @_;
    my $name = "$from->{ip} $to->{ip}";
    return $paths{$name} //= { name => $name, to => $to, queue => [], last_ms => 0, state => path_seed($name) };
}

sub path_seed {
    my $hash = $seed & 0xffffffff;
    $hash = (($hash ^ $_) * 16_777_619) & 0xffffffff for unpack "C*", shift;    # FNV-1a
    return $hash;
}

# A number from 0 to below 1: splitmix32.
sub fraction {
    my $path = shift;
    my $z = $path->{state} = ($path->{state} + 0x9e3779b9) & 0xffffffff;
    $z = (($z ^ ($z >> 16)) * 0x21f0aaad) & 0xffffffff;
    $z = (($z ^ ($z >> 15)) * 0x735a2d97) & 0xffffffff;
    return ($z ^ ($z >> 15)) / 4_294_967_296;
}

sub take_in {
    my ($from, $packet, $now_ms) = @_;
    # What is not IPv4 (the system's own IPv6 solicitations), or for nobody here, goes nowhere.
    return if length $packet < 20 || ord($packet) >> 4 != 4;
    my $to = $end_of{substr $packet, 16, 4} or return;
    my $path = path_between($from, $to);
    my ($chance, $lateness) = (fraction($path), fraction($path));
    return if !$from->{up} || !$to->{up};
    return $count{lost}++ if $chance < $loss;
    return $count{full}++ if @{ $path->{queue} } >= QUEUE_MAX;
    my $due_ms = $now_ms + $delay_ms + (2 * $lateness - 1) * $jitter_ms;
    $due_ms = $path->{last_ms} if $due_ms < $path->{last_ms};
    $path->{last_ms} = $due_ms;
    push @{ $path->{queue} }, [$due_ms, $packet, $from];
    $busy{ $path->{name} } = $path;
}

# Hands over what is due; the time of the next packet, or nothing where none is under way.
sub deliver {
    my $now_ms = shift;
    my $next_ms;
    for my $path (values %busy) {
        my $queue = $path->{queue};
        while (@$queue && $queue->[0][0] <= $now_ms) {
            my (undef, $packet, $from) = @{ shift @$queue };
            next if !$from->{up} || !$path->{to}{up};
            # A device whose namespace is not set up yet takes nothing: lost, as on a dead link.
            $count{carried}++ if syswrite $path->{to}{tun}, $packet;
        }
        if (@$queue) { $next_ms = $queue->[0][0] if !defined $next_ms || $queue->[0][0] < $next_ms }
        else { delete $busy{ $path->{name} } }
    }
    return $next_ms;
}

sub obey {
    my ($verb, $ip) = split / /, shift;
    return syswrite STDOUT, "counts $count{carried} $count{lost} $count{full}\n" if $verb eq "counts";
    my $end = $end_of{ pack "C4", split /\./, $ip // "" };
    die "slow links: not understood: $verb\n" unless $end && $verb =~ /^(up|down)$/;
    $end->{up} = $verb eq "up";
}

my $input = "";

sub read_commands {
    my $got = sysread STDIN, $input, LINE_MAX, length $input;
    exit 0 if defined $got && $got == 0;
    die "slow links: input: $!\n" if !defined $got && $! != EAGAIN && $! != EINTR;
    obey($1) while $input =~ s/^([^\n]*)\n//;
    die "slow links: a command of more than " . LINE_MAX . " bytes\n" if length $input > LINE_MAX;
}

sub read_end {
    my $end = shift;
    for (1 .. BURST) {
        my $got = sysread $end->{tun}, my $packet, PACKET_MAX;
        if (!defined $got) {
            return if $! == EAGAIN || $! == EINTR;
            die "slow links: $end->{ip}: $!\n";
        }
        take_in($end, $packet, now_ms());
    }
}

my $watched = "";
vec($watched, fileno $_, 1) = 1 for \*STDIN, map { $_->{tun} } @ends;
syswrite STDOUT, "ready\n";
while (1) {
    my $next_ms = deliver(now_ms());
    my $wait_s = defined $next_ms ? ($next_ms - now_ms()) / 1_000 : undef;
    $wait_s = 0 if defined $wait_s && $wait_s < 0;
    my $ready = $watched;
    my $found = select $ready, undef, undef, $wait_s;
    die "slow links: select: $!\n" if $found < 0 && $! != EINTR;
    next if $found <= 0;
    for my $end (@ends) { read_end($end) if vec $ready, fileno $end->{tun}, 1 }
    read_commands() if vec $ready, fileno STDIN, 1;
}
